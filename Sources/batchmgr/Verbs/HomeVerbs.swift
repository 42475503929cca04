internal import BatchCore
internal import BatchEngine

extension Verb {
    public static let homeShow = Verb(
        "home show", "show where the copies and the history of a database are",
        details: """
            A database itself records where it belongs, whatever it is called: by another path, through a link, with \
            --db or in a workspace. A copy of a file is recognised as one, and begins a history of its own.
            """,
        topic: .care, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr --db app.db home show", "which folder, which branch, and is this the original?")])

    public static let homeSet = Verb(
        "home set", "tell a database that was moved where its copies and its history are",
        details: """
            The folder must hold copies of this database; a database that has none yet may be given any folder.
            """,
        options: [.required("to", .folder("FOLDER"), "the folder of its copies and its history").main],
        topic: .care, role: .admin,
        examples: [.init("batchmgr --db app.db home set --to ../old/backups/batch_manager", "they stayed where it was")]
    )
}

extension Command {
    static let homeShow = Command(.homeShow) { (_, call) throws(BatchError) in
        let report = try Session.homeReport(
            try call.workspace(), tenant: call.globals.tenant, context: call.workContext())
        try call.output.show(report)
        return report.fault?.code.exitCode ?? .done
    }

    static let homeSet = Command(.homeSet) { (arguments, call) throws(BatchError) in
        let report = try Session.setHome(
            try call.workspace(), tenant: call.globals.tenant, to: try arguments.required("to"),
            context: call.workContext())
        try call.output.show(report)
        return .done
    }
}
