internal import BatchCore
internal import BatchEngine

extension Verb {
    static let status = Verb(
        "status", "show the last batches, what is half done, what waits, and what grows",
        details: """
            Sizes are those of the database, of the undo log in it, and of everything beside it, with what keep: does about \
            each. A point is proven when a drill has restored it.
            """,
        topic: .look, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr status", "is all well?")])
}

extension Command {
    static let status = Command(.status) { (_, call) throws(BatchError) in
        try call.output.show(try call.view().status())
        return .done
    }
}
