public import BatchCore

extension JobDefinition {
    /// Reads a definition from its text alone.
    /// - Parameters:
    ///   - file: the name to use in errors.
    ///   - rules: without plugins for a pinned definition, which must be readable when its plugin is gone.
    /// - Throws: `ERR_UX_INVALID_CATALOG` with all mistakes and their places.
    public static func parse(
        text: String, file: String, _ rules: CatalogRules
    ) throws(BatchError) -> JobDefinition {
        let outcome = JobReader.read(text: text, file: file, rules)
        if let error = Diagnostic.error(
            outcome.source.diagnostics, .invalidCatalog, hint: "correct \(file), then: \(command: "catalog validate")")
        {
            throw error
        }
        guard let definition = outcome.definition else {
            throw BatchError(
                .internalFault, "\(file) has no mistake, and yet defines no job",
                hint: "check it: \(command: "catalog validate")")
        }
        return definition
    }

    /// A job of SQL given on the command line, one step for each text. Every `:name` in it becomes a parameter; its
    /// type is the narrowest that the value in `assignments` fits, text when none is given.
    /// - Parameters:
    ///   - assignments: the values of `--set`, `NAME=VALUE`.
    ///   - texts: names of parameters that are texts, whatever they look like.
    ///   - sharedTables: those of `--shared-table`.
    /// - Throws: `ERR_UX_USAGE` when the name or the SQL is not usable.
    public static func adHoc(
        id: String, sql: [String], set assignments: [String] = [], texts: Set<String> = [],
        sharedTables: [String] = [], _ rules: CatalogRules
    ) throws(BatchError) -> JobDefinition {
        guard JobID.isValid(id) else {
            throw BatchError(.usage, "'\(id)' cannot name a batch", hint: "give a name of \(JobID.rule): --id NAME")
        }
        guard !sql.isEmpty, !sql.contains(where: SQLText.isBlank) else {
            throw BatchError(.usage, "\(id): there is no statement to run", hint: "give one: --sql \"UPDATE …\"")
        }
        var given: [String: String] = [:]
        for assignment in assignments {
            let (name, value) = try ParameterValues.split(assignment)
            given[name] = value
        }
        var types = given.mapValues(ParameterType.narrowest)
        for name in texts where given[name] != nil { types[name] = .text }
        let text = AdHocText.text(
            id: id, sql: sql, types: types, sharedTables: sharedTables)
        return try parse(text: text, file: "--sql", rules)
    }
}

/// Writes the definition of a job that was given on the command line, so that it can be pinned like any other.
enum AdHocText {
    /// - Parameter types: of the parameters whose values are known.
    static func text(
        id: String, sql: [String], types: [String: ParameterType], sharedTables: [String] = []
    ) -> String {
        var text = "id: \(quoted(id))\nversion: 0.0.0\n"
        if !sharedTables.isEmpty {
            text += "shared_tables: [\(sharedTables.map(quoted).joined(separator: ", "))]\n"
        }
        var names: [String] = []
        for name in sql.flatMap(SQLText.parameters).compactMap(\.name)
        where !names.contains(name) && !ParameterDefinition.builtIn.contains(name) {
            names.append(name)
        }
        if !names.isEmpty { text += "params:\n" }
        for name in names { text += "  \(quoted(name)): {type: \((types[name] ?? .text).rawValue)}\n" }
        text += "steps:\n"
        for (number, statement) in sql.enumerated() {
            text += "  - id: sql\(number + 1)\n    sql: \(scalar(statement, indent: 6))\n"
        }
        return text
    }

    /// A literal block where that keeps every character, so that people can read it; else one line in quotes.
    private static func scalar(_ text: String, indent: Int) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let isPrintable = text.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 32 && $0.value < 127) }
        let keeps = isPrintable && lines.count > 1 && !text.hasPrefix(" ") && !text.hasPrefix("\n") && lines.last != ""
        guard keeps else { return quoted(text) }
        let margin = String(repeating: " ", count: indent)
        return "|-\n" + lines.map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
    }

    /// In double quotes, everything that a YAML reader might take for something else escaped.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case " "..."~", "\u{A1}"..."\u{1FFF}", "\u{3000}"..."\u{D7FF}": quoted.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\U" + String(repeating: "0", count: 8 - digits.utf8.count) + digits
            }
        }
        return quoted + "\""
    }
}
