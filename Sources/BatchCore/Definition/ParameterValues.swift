/// The values that a batch runs with, by parameter, in the order in which the job declares them.
public struct ParameterValues: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public let name: String
        public let value: SQLValue

        public init(_ name: String, _ value: SQLValue) {
            self.name = name
            self.value = value
        }
    }

    public let entries: [Entry]

    public init(_ entries: [Entry]) { self.entries = entries }

    /// Nil when there is no parameter of that name.
    public subscript(name: String) -> SQLValue? { entries.first { $0.name == name }?.value }
}

extension ParameterValues {
    /// Reads `--set NAME=VALUE` assignments and fills in the defaults.
    /// - Throws: `ERR_UX_INVALID_PARAMETER` for an unknown name, one given twice, or a value that does not fit;
    ///   `ERR_UX_MISSING_PARAMETER` naming all that are missing.
    public init(_ job: JobDefinition, set assignments: [String]) throws(BatchError) {
        var given: [String: SQLValue] = [:]
        for assignment in assignments {
            let (name, text) = try ParameterValues.split(assignment)
            guard let parameter = job.parameters.first(where: { $0.name == name }) else {
                throw ParameterValues.unknown(name, job)
            }
            let value = try parameter.value(of: text)
            guard given.updateValue(value, forKey: name) == nil else {
                throw BatchError(
                    .invalidParameter, "parameter \(name) is given twice", hint: "give it once: --set \(name)=VALUE")
            }
        }
        let missing = job.parameters.filter { $0.isRequired && given[$0.name] == nil }
        guard missing.isEmpty else { throw ParameterValues.missing(missing, job) }
        self.init(job.parameters.map { Entry($0.name, given[$0.name] ?? $0.defaultValue ?? .null) })
    }

    /// - Throws: `ERR_UX_INVALID_PARAMETER` when there is no `=` after a name.
    public static func split(_ assignment: String) throws(BatchError) -> (name: String, value: String) {
        guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
            throw BatchError(
                .invalidParameter, "--set needs a name and a value with '=' between them",
                hint: "give it as: --set NAME=VALUE")
        }
        return (String(assignment[..<equals]), String(assignment[assignment.index(after: equals)...]))
    }

    private static func unknown(_ name: String, _ job: JobDefinition) -> BatchError {
        let names = job.parameters.map(\.name)
        let known = names.isEmpty ? "it has no parameters" : "it has " + names.joined(separator: ", ")
        return BatchError(
            .invalidParameter, "job \(job.id) has no parameter \(name)" + Suggestion.clause(for: name, in: names),
            hint: "\(known); see: \(command: "catalog show --id \(job.id)")")
    }

    private static func missing(_ parameters: [ParameterDefinition], _ job: JobDefinition) -> BatchError {
        let names = parameters.map(\.name).joined(separator: ", ")
        let options = parameters.map { "--set \($0.name)=\($0.example)" }.joined(separator: " ")
        let noun = parameters.count == 1 ? "parameter" : "parameters"
        return BatchError(.missingParameter, "job \(job.id) needs \(noun) \(names)", hint: "add: \(options)")
    }
}
