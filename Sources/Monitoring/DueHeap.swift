/// A binary heap of due times; ties go by the order of insertion, so that the order is the same in every run.
struct DueHeap<Element: Sendable>: Sendable {
    private var nodes: [(due: Duration, order: Int, element: Element)] = []
    private var inserted = 0

    var isEmpty: Bool { nodes.isEmpty }

    var first: (Duration, Element)? { nodes.first.map { ($0.due, $0.element) } }

    mutating func push(_ due: Duration, _ element: Element) {
        inserted += 1
        nodes.append((due, inserted, element))
        var child = nodes.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { break }
            nodes.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() {
        guard let last = nodes.popLast(), !nodes.isEmpty else { return }
        nodes[0] = last
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < nodes.count else { break }
            let right = left + 1
            let child = right < nodes.count && precedes(right, left) ? right : left
            guard precedes(child, parent) else { break }
            nodes.swapAt(child, parent)
            parent = child
        }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (nodes[left].due, nodes[left].order) < (nodes[right].due, nodes[right].order)
    }
}
