import BatchCore
import Testing

struct JSONParserTests {
    @Test(arguments: [
        "[01]", "[1.]", "[.5]", "[+1]", "[-]", "[1e]", "[1e+]", "[1.5.2]", "[--1]", "[0x10]", "[NaN]", "[Infinity]",
        #"["\u+12F"]"#, #"["\u12"]"#, #"["\ud800"]"#, #"["\udc00"]"#, #"["\ud800\u0041"]"#, #"["\x41"]"#, "[1,]",
        "{}{}",
        "", "[", #"{"a" 1}"#, "nul",
    ])
    func isNoJSON(_ text: String) {
        #expect(throws: JSONParser.SyntaxError.self) { try JSONParser.parse(text) }
    }

    @Test(arguments: [
        ("0", JSONValue.integer(0)), ("-0", .integer(0)), ("10", .integer(10)), ("-12", .integer(-12)),
        ("0.5", .number(0.5)), ("1e3", .number(1_000)), ("1E-2", .number(0.01)), ("-1.5e+2", .number(-150)),
        ("9223372036854775807", .integer(.max)), ("9223372036854775808", .number(9_223_372_036_854_775_808)),
        (#""\ud83d\ude00""#, .string("😀")), (#""\u00e9""#, .string("é")),
    ])
    func isJSON(_ text: String, _ value: JSONValue) throws {
        #expect(try JSONParser.parse(text) == value)
    }

    @Test(arguments: [
        ("", "\"\""), ("plain é 😀", #""plain é 😀""#), ("\n", #""\n""#), ("\"a\\", #""\"a\\""#),
        ("a\r\tb\u{1}\u{7f}", #""a\r\tb\u0001\u007f""#),
    ])
    func textIsWrittenWithItsEscapes(_ text: String, _ written: String) throws {
        #expect(JSONWriter.text(.string(text)) == written)
        #expect(try JSONParser.parse(written) == .string(text))
    }

    @Test func aRepeatedKeyIsRefusedWhereSomebodyAsksForIt() throws {
        let text = #"{"a": 1, "b": {"c": 1, "c": 2}}"#
        #expect(try JSONParser.parse(text)["b"]?["c"] == .integer(1))
        let error = #expect(throws: JSONParser.SyntaxError.self) { try JSONParser.parse(text, refusingRepeats: true) }
        #expect(error?.what == "the key 'c' is given twice")
        #expect(
            try JSONParser.parse(#"{"a": {"c": 1}, "b": {"c": 1}}"#, refusingRepeats: true)["a"]?["c"] == .integer(1))
    }
}
