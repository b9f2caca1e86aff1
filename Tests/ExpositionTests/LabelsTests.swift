import Exposition
import Testing

@Suite struct LabelsTests {
    @Test func keepTheirOrder() {
        let labels: Labels = ["zone": "1", "account": "2"]
        #expect(labels.with("b", "3").description == #"zone="1",account="2",b="3""#)
        #expect(labels.with(["y": "1", "x": "2"]).description == #"zone="1",account="2",x="2",y="1""#)
        #expect(labels.with(["b": "3"] as Labels).description == #"zone="1",account="2",b="3""#)
    }

    @Test func aNameGivenTwiceTakesTheLastValueInItsPlace() {
        let labels: Labels = ["a": "1", "b": "2", "a": "3"]
        #expect(labels.description == #"a="3",b="2""#)
        #expect(labels.with("b", "4").description == #"a="3",b="4""#)
        #expect(labels.with(["b": "5", "c": "6"] as Labels).description == #"a="3",b="5",c="6""#)
        let joined = labels.with(["c": "6"] as Labels)
        #expect(joined.with("c", "7").description == #"a="3",b="2",c="7""#)
        #expect(Labels().with(labels) == labels)
        #expect(labels.with(Labels()) == labels)
    }

    @Test(arguments: [
        ("ok", "ok"), ("team-a", "team_a"), ("1st", "_1st"), ("", "_"), ("é", "__"), ("a\"b", "a_b"), ("x:y", "x_y"),
    ])
    func namesAreBroughtIntoShape(given: String, expected: String) {
        #expect(Labels([(given, "v")]).description == "\(expected)=\"v\"")
        #expect(Labels.isValidName(given) == (given == expected))
    }

    @Test func valuesAreEscapedAndComeBack() {
        let value = "a\\b\"c\nd,e=\"f\"\r\u{0}"
        let labels: Labels = ["x": value, "y": ""]
        #expect(labels.description == "x=\"a\\\\b\\\"c\\nd,e=\\\"f\\\"\r\u{0}\",y=\"\"")
        #expect(labels.pairs.map(\.value) == [value, ""])
    }

    /// Names whose hashes share a bit must not be taken for one another.
    @Test func manyNames() {
        var labels = Labels()
        for number in 0..<300 { labels = labels.with("n\(number)", "\(number)") }
        for number in 0..<300 { labels = labels.with(Labels([("n\(number)", "\(number + 1)")])) }
        #expect(labels.pairs.map(\.name) == (0..<300).map { "n\($0)" })
        #expect(labels.pairs.map(\.value) == (1...300).map { "\($0)" })
    }

    @Test func anExemplarMayHold128Characters() {
        #expect(Exemplar(labels: Labels([("id", String(repeating: "é", count: 126))]), value: 1) != nil)
        #expect(Exemplar(labels: Labels([("id", String(repeating: "é", count: 127))]), value: 1) == nil)
    }
}
