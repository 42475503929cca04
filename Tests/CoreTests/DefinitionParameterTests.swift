import BatchCore
import Testing

@Suite struct DefinitionParameterTests {
    private func job(_ parameters: ParameterDefinition...) throws -> JobDefinition {
        JobDefinition(
            id: "raise", version: try #require(SemanticVersion("1.0.0")), parameters: parameters,
            steps: [StepDefinition(id: "a", kind: "sql", settings: "SELECT 1")], text: "")
    }

    private func refusal(_ job: JobDefinition, _ set: [String]) -> BatchError? {
        do throws(BatchError) {
            _ = try ParameterValues(job, set: set)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        (ParameterType.text, "", SQLValue.string("")), (.text, "2.5", .string("2.5")), (.text, "a=b", .string("a=b")),
        (.integer, "42", .integer(42)), (.integer, "-7", .integer(-7)),
        (.integer, "9223372036854775807", .integer(.max)),
        (.real, "2.5", .real(2.5)), (.real, "3", .real(3)), (.real, "-1e3", .real(-1000)), (.real, ".5", .real(0.5)),
        (.boolean, "true", .integer(1)), (.boolean, "NO", .integer(0)), (.boolean, "1", .integer(1)),
        (.date, "2026-11-21", .string("2026-11-21")),
    ])
    func aValueIsBoundWithTheTypeOfItsParameter(type: ParameterType, text: String, value: SQLValue) throws {
        let job = try job(ParameterDefinition(name: "p", type: type))
        #expect(try ParameterValues(job, set: ["p=\(text)"])["p"] == value)
    }

    @Test(arguments: [
        (ParameterType.integer, "2.5"), (.integer, ""), (.integer, "9223372036854775808"), (.integer, "0x10"),
        (.real, "abc"), (.real, "inf"), (.real, "nan"), (.real, "0x1p3"), (.real, "1e999"), (.real, ""), (.real, "1,5"),
        (.boolean, "maybe"), (.boolean, ""), (.date, "21.11.2026"), (.date, "2026-02-30"),
    ])
    func aValueOfAnotherTypeIsRefusedWithoutShowingIt(type: ParameterType, text: String) throws {
        let error = try #require(refusal(try job(ParameterDefinition(name: "p", type: type)), ["p=\(text)"]))
        #expect(error.code == .invalidParameter)
        #expect(error.message == "parameter p: the value is not \(type.shape)")
        #expect(error.hint.text().contains("--set p="))
    }

    @Test func defaultsFillInAndNothingElseIsNull() throws {
        let job = try job(
            ParameterDefinition(name: "a", type: .real, defaultValue: .real(2.5)),
            ParameterDefinition(name: "b", type: .text, isRequired: false),
            ParameterDefinition(name: "c", type: .integer, defaultValue: .integer(1)))
        let values = try ParameterValues(job, set: ["c=3"])
        #expect(values.entries == [.init("a", .real(2.5)), .init("b", .null), .init("c", .integer(3))])
        #expect(values["d"] == nil)
    }

    @Test func allMissingParametersAreNamedAtOnce() throws {
        let job = try job(
            ParameterDefinition(name: "day", type: .date), ParameterDefinition(name: "rate", type: .real),
            ParameterDefinition(name: "note", type: .text, defaultValue: .null))
        let error = try #require(refusal(job, []))
        #expect(error.code == .missingParameter)
        #expect(error.message == "job raise needs parameters day, rate")
        #expect(error.hint.text() == "add: --set day=2026-11-21 --set rate=2.5")
    }

    @Test(arguments: [
        (["persent=1"], "job raise has no parameter persent; did you mean 'percent'?"),
        (["percent=1", "percent=2"], "parameter percent is given twice"),
        (["percent"], "--set needs a name and a value with '=' between them"),
        (["=1"], "--set needs a name and a value with '=' between them"),
        (["mode=slow"], "parameter mode: the value is not one of fast, safe"),
    ])
    func aWrongAssignmentIsNamed(set: [String], message: String) throws {
        let job = try job(
            ParameterDefinition(name: "percent", type: .real),
            ParameterDefinition(name: "mode", type: .text, choices: [.string("fast"), .string("safe")]))
        let error = try #require(refusal(job, set))
        #expect(error.code == .invalidParameter)
        #expect(error.message == message)
    }

    @Test(arguments: [
        ("42", ParameterType.integer), ("-1", .integer), ("0", .integer), ("2.5", .real), ("0.5", .real),
        ("007", .text), ("+1", .text), ("-0", .text), ("1e3", .text), ("abc", .text), ("", .text), ("true", .text),
        ("99999999999999999999", .text), ("00.5", .text),
    ])
    func theNarrowestTypeKeepsTheText(text: String, type: ParameterType) {
        #expect(ParameterType.narrowest(for: text) == type)
    }
}
