/// First in, first out, without moving what stays.
struct Line: Sendable {
    private var items: [Int] = []
    private var start = 0

    var first: Int? { start < items.count ? items[start] : nil }

    mutating func append(_ id: Int) {
        items.append(id)
    }

    mutating func removeFirst() {
        start += 1
        if start > 64, start > items.count / 2 {
            items.removeFirst(start)
            start = 0
        }
    }
}
