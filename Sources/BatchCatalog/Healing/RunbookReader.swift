public import BatchCore

/// The runbooks of a catalog: the files of `runbooks/`, each named for its runbook.
public struct RunbookList: Sendable {
    /// By name.
    public let runbooks: [RunbookDefinition]
    public let mistakes: [Diagnostic]

    /// - Parameter folder: of the catalog; nil where there is none.
    /// - Throws: `ERR_INTEGRATION_FILE` when a file cannot be read.
    public static func load(folder: String?) throws(BatchError) -> RunbookList {
        guard let folder = folder.map({ FolderText.join($0, "runbooks") }), FolderText.exists(folder) else {
            return RunbookList(runbooks: [], mistakes: [])
        }
        var (runbooks, mistakes): ([RunbookDefinition], [Diagnostic]) = ([], [])
        for name in try FolderText.names(in: folder).sorted() where name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
            if name.hasPrefix(".") { continue }
            let path = FolderText.join(folder, name)
            let file = try HealingFile(path: path, keys)
            mistakes += file.source.diagnostics
            guard file.source.diagnostics.isEmpty else { continue }
            mistakes += unsafe(file)
            runbooks.append(runbook(FolderText.stem(of: path), file.entries))
        }
        return RunbookList(runbooks: runbooks, mistakes: mistakes)
    }

    /// What is left to a person may make a plan, and nothing else.
    private static func unsafe(_ file: HealingFile) -> [Diagnostic] {
        var source = file.source
        for node in file.entries.first(where: { $0.key == "steps" })?.value.elements ?? [] {
            guard node["level"]?.json.integer == 3, let run = node["run"],
                JobNodes.texts(run)?.contains("--propose") != true
            else { continue }
            source.report(run, "a step of level 3 may only make a plan: add --propose, or leave 'run' out")
        }
        return source.diagnostics
    }

    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of the files.
    public func valid() throws(BatchError) -> RunbookList {
        let hint: Hint = "correct them, then: \(command: "catalog validate")"
        if let error = Diagnostic.error(mistakes, .invalidCatalog, hint: hint) { throw error }
        return self
    }

    /// - Throws: `ERR_UX_UNKNOWN_NAME` with the name that was probably meant.
    public func runbook(named name: String) throws(BatchError) -> RunbookDefinition {
        if let runbook = runbooks.first(where: { $0.id == name }) { return runbook }
        throw BatchError(
            .unknownName, "there is no runbook '\(name)'\(Suggestion.clause(for: name, in: runbooks.map(\.id)))",
            hint: "see them: \(command: "runbook list")")
    }

    private static func runbook(_ name: String, _ entries: [YAMLNode.Entry]) -> RunbookDefinition {
        func value(_ key: String) -> YAMLNode? { entries.first { $0.key == key }?.value }
        let steps = (value("steps")?.elements ?? []).map { node in
            RunbookDefinition.Step(
                id: node["id"]?.text ?? "", level: node["level"]?.json.integer.map { Int($0) } ?? 3,
                text: node["text"]?.text ?? "", words: JobNodes.texts(node["run"]) ?? [],
                mayFail: node["may_fail"]?.json.bool ?? false)
        }
        return RunbookDefinition(
            id: name, title: value("title")?.text ?? "", occasion: value("when")?.text ?? "",
            needsTenant: JobNodes.texts(value("needs"))?.contains("tenant") ?? false, steps: steps)
    }

    private static let keys = KeyTable(
        "a runbook",
        [
            KeyRule("title", .text(.filled), required: true, "What has gone wrong."),
            KeyRule("when", .text(.any), "When to use it."),
            KeyRule("needs", .list(.choice(["tenant"]), mayBeEmpty: true), "What must be named."),
            KeyRule("steps", .list(.record(step), mayBeEmpty: false), required: true, "What is done, in this order."),
        ])

    private static let step = KeyTable(
        "a step of a runbook",
        [
            KeyRule("id", .text(.jobName), required: true, "Its name."),
            KeyRule("level", .integer(1...3), required: true, "1 at once, 2 after confirmation, 3 by a person."),
            KeyRule("text", .text(.filled), required: true, "What it does."),
            KeyRule(
                "run", .list(.argument, mayBeEmpty: false),
                "A command of batchmgr, word by word; `{tenant}` and `{module}` are replaced by what is named. "
                    + "At level 3 one that makes a plan (`--propose`)."
            ),
            KeyRule("may_fail", .boolean, "It may find something wrong (`false`)."),
        ])
}
