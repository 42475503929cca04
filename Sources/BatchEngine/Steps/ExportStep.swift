internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger

/// `export`: the rows of a query, written to a file.
struct ExportStep: StepKind {
    static let name = "export"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(
                ExportStep.name,
                .record(
                    KeyTable(
                        "an export",
                        [
                            KeyRule("query", .query, required: true, "Its rows are written."),
                            KeyRule(
                                "file", .text(.exportFile), required: true,
                                "Where to, below the workspace folder; `.csv`, `.json` or `.html` is the format. `{batch}`, "
                                    + "`{tenant}`, `{step}` and `{param:NAME}` are replaced by their values."
                            ),
                        ])), "Rows to a file."), beside: CatalogRules.tries)
    }

    var place: StepPlace { .files }

    func run(_ step: StepRun) throws(BatchError) {
        let settings = step.definition.settings
        guard let query = settings["query"]?.string, let file = settings["file"]?.string,
            let format = ExportFormat(fileName: file)
        else { throw step.unreadable }
        let name = try fileName(file, step)
        try step.retrying { () throws(BatchError) in
            let target = try Export(to: name, in: step.run.session.workspace.folder, format: format)
            try step.gateway.showingOwnRows { () throws(BatchError) in try write(query, to: target, step) }
        }
    }

    /// A value stands for a part of a name and never leads into another folder.
    private func fileName(_ template: String, _ step: StepRun) throws(BatchError) -> String {
        // A batch that was begun with an older program may have braces in it that stand for themselves.
        guard let name = try? CommandTemplate([template]) else { return template }
        let filled = try name.filled(with: step.placeholders).joined()
        let depth = template.pathParts.count
        guard filled.pathParts.count == depth else {
            throw BatchError(
                .invalidParameter, "step \(step.definition.id): a value in '\(template)' has a '/' in it",
                hint: "give a value that can be part of a file name")
        }
        return filled
    }

    private func write(_ query: String, to target: Export, _ step: StepRun) throws(BatchError) {
        let prepared = try step.prepare(query: query, "export")
        try prepared.statement.bind(named: step.bindings)
        defer { prepared.statement.reset() }
        let title = "\(step.run.batch.batch) \(step.definition.id)"
        let file = try target.write(
            ExportRows(prepared.statement), hash: .sha256(), stop: step.stop,
            progress: { step.run.context.phase(title, $0) })
        step.run.context.reach("file-written")
        try step.record(
            [
                "path": .string(file.path), "format": .string(file.format.rawValue), "rows": JSONValue(file.rows),
                "bytes": JSONValue(file.bytes), "sha256": .string(file.sha256),
            ], reading: prepared)
    }
}

extension Export.Hash {
    static func sha256() -> Export.Hash {
        let running = RunningHash()
        return Export.Hash(
            update: { bytes in bytes.withUnsafeBytes { running.hash.update($0) } },
            finish: { running.hash.finish() })
    }

    /// Two closures share it.
    private final class RunningHash {
        let hash = SHA256()
    }
}
