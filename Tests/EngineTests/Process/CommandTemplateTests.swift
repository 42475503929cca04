import BatchCore
import BatchEngine
import Testing

@Suite struct CommandTemplateTests {
    static let values = CommandTemplate.Values(
        batch: "reprice.3", tenant: "acme", step: "tell",
        parameters: [
            "percent": .real(2.5), "count": .integer(-7), "name": .string("a b {batch}"), "data": .blob([1, 255]),
            "nothing": .null,
        ])

    @Test(
        "Each placeholder is replaced by its value, inside one argument",
        arguments: [
            ("{batch}", "reprice.3"), ("--id={batch}/{step}", "--id=reprice.3/tell"), ("{tenant}", "acme"),
            ("{param:percent}", "2.5"), ("{param:count}", "-7"), ("x{param:name}y", "xa b {batch}y"),
            ("{param:data}", "01ff"), ("{{batch}}", "{batch}"), ("{{{batch}}}", "{reprice.3}"), ("", ""),
            ("no braces", "no braces"), (#"{{"a": "{step}"}}"#, #"{"a": "tell"}"#),
        ])
    func filled(argument: String, result: String) throws {
        #expect(try CommandTemplate([argument, "2"]).filled(with: Self.values) == [result, "2"])
    }

    @Test(
        "A placeholder that does not exist, or a single brace, is an error of the catalog",
        arguments: ["{bacth}", "{}", "{param:}", "{param}", "{", "a}", "{batch", "{ batch }", "{{batch}"])
    func wrong(argument: String) {
        let error = #expect(throws: BatchError.self) { try CommandTemplate(["cmd", argument]) }
        #expect(error?.code == .invalidCatalog)
    }

    @Test("A placeholder without a value is an error", arguments: ["{param:absent}", "{param:nothing}", "{tenant}"])
    func missing(argument: String) throws {
        var values = Self.values
        values.tenant = nil
        let template = try CommandTemplate([argument])
        let error = #expect(throws: BatchError.self) { try template.filled(with: values) }
        #expect(error?.code == .missingParameter)
    }

    @Test("A catalog can ask which placeholders are used")
    func placeholders() throws {
        let template = try CommandTemplate(["{batch}", "{param:a}{param:b}", "{{step}}"])
        #expect(template.placeholders == [.batch, .parameter("a"), .parameter("b")])
    }
}
