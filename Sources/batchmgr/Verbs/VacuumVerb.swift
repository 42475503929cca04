internal import BatchCore
internal import BatchEngine

extension Verb {
    public static let vacuum = Verb(
        "vacuum", "give free pages of the database back to the disk",
        details: """
            As VACUUM of SQLite, which no batch can hold. Rows keep their numbers, so every batch can still be undone and \
            every point restored. It needs free space of up to twice the size of the database while it runs.
            """,
        topic: .care,
        role: .admin,
        examples: [.init("batchmgr vacuum", "after large deletions")])
}

extension Command {
    static let vacuum = Command(.vacuum) { (_, call) throws(BatchError) in
        call.endAtFirstSignal()
        let report = try call.session().vacuum()
        try call.output.show(report, text: "\(report.before) bytes → \(report.after) bytes\n")
        return .done
    }
}
