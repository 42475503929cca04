internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Writes what level 2 asks to be kept: the rehearsal before a batch, the checklist behind it.
struct LevelDocument {
    let session: Session

    /// A document of the folder of reports.
    struct Written {
        let path: String
        let sha256: String

        var json: JSONValue { ["file": .string(path), "sha256": .string(sha256)] }
    }

    func write(
        _ kind: String, _ batch: BatchRecord, _ job: JobDefinition, isOK: Bool, _ members: [JSONValue.Member]
    ) throws(BatchError) -> Written {
        let folder = session.backups + "/reports"
        try Folder.create(folder)
        let path = "\(folder)/\(kind)_\(batch.batch)_\(session.context.now().compact).json"
        let document = JSONValue.object(
            [
                .init("format_version", 1), .init("kind", .string(kind)), .init("ok", .bool(isOK)),
                .init("batch", .string("\(batch.batch)")), .init("job", .string(job.id)),
                .init("level", JSONValue(job.level)), .init("tenant", JSONValue(batch.tenant)),
                .init("actor", .string(session.context.actor)), .init("trace_id", .string(batch.traceID)),
                .init("created_at", .string(session.context.now().iso8601)), .init("database", .string(session.path)),
            ] + members)
        try DurableFile.write(Array((JSONWriter.text(document, indented: true) + "\n").utf8), to: path)
        return Written(path: path, sha256: try SHA256.hex(ofFile: path))
    }
}
