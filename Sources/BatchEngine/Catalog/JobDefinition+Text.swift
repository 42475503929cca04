public import BatchCore

extension JobDefinition {
    /// Reads a definition from its text alone.
    /// - Parameters:
    ///   - file: the name to use in errors.
    ///   - pluginNames: the step kinds that the workspace adds; nil admits any, so that a pinned definition can be
    ///     read when its plugin is gone.
    /// - Throws: `ERR_UX_INVALID_CATALOG` with all mistakes and their places.
    public static func parse(
        text: String, file: String, pluginNames: [String]? = nil
    ) throws(BatchError) -> JobDefinition {
        let outcome = JobReader.read(text: text, file: file, keys: JobKeys.table(plugins: pluginNames))
        if let error = Diagnostic.error(
            outcome.source.diagnostics, .invalidCatalog, hint: "correct \(file), then: batchmgr catalog validate")
        {
            throw error
        }
        guard let definition = outcome.definition else {
            throw BatchError(
                .internalFault, "\(file) has no mistake, and yet gives no job",
                hint: "check it: batchmgr catalog validate")
        }
        return definition
    }

    /// A job of SQL given on the command line, one step for each text. Every `:name` in it becomes a parameter; its
    /// type is the narrowest that the value in `assignments` fits, text when none is given.
    /// - Parameters:
    ///   - assignments: the values of `--set`, `NAME=VALUE`.
    ///   - sharedTables: those of `--shared-table`.
    /// - Throws: `ERR_UX_USAGE` when the name or the SQL is not usable.
    public static func adHoc(
        id: String, sql: [String], set assignments: [String] = [], sharedTables: [String] = []
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
        let text = AdHocText.text(
            id: id, sql: sql, types: given.mapValues(ParameterType.narrowest), sharedTables: sharedTables)
        return try parse(text: text, file: "--sql")
    }
}
