public import BatchCore
public import BatchEngine

extension Verb {
    public static let driftShow = Verb(
        "drift show", "show row by row what was changed outside any batch",
        details: """
            Compares the database with the state after the last batch. With 'guard: track' only the noted rows are read; \
            without it the last restore point is rebuilt beside the database.
            """,
        options: [
            .flag("stat", "only how many rows of which table"), .value("table", .text("TABLE"), "only this table"),
            .flag("sql", "as SQL statements"), .all,
        ],
        topic: .undo, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr drift show --stat", "did anybody else write?")])

    public static let driftAdopt = Verb(
        "drift adopt", "make a batch of what was changed outside any batch",
        details: """
            Rows and schema stay as they are. The batch drift.N can be shown, blamed and rolled back like any other.
            """,
        topic: .undo, role: .operator,
        examples: [.init("batchmgr drift adopt", "keep it, and be able to undo it")])

    public static let driftUndo = Verb(
        "drift undo", "undo what was changed outside any batch",
        details: """
            The change is adopted as a batch and that is rolled back, so this can be undone too.
            """,
        options: [.flag("dry-run", "show the rows that it would change, and change nothing"), .all],
        topic: .undo, role: .operator,
        examples: [.init("batchmgr drift undo", "back to the state after the last batch")])

    public static let guardShow = Verb(
        "guard show", "show what happens to writes that no batch makes",
        topic: .care, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr guard show", "which tables are guarded, and what was noted?")])

    public static let guardSet = Verb(
        "guard set", "note or abort writes that no batch makes, from any program",
        details: """
            Puts triggers of plain SQL on every table; they work for clients that never heard of batchmgr. 'track' notes \
            which rows such a client writes, 'enforce' aborts the write with ERR_SECURITY_WRITE_OUTSIDE_GATEWAY, 'off' \
            removes the triggers. In a workspace, set 'guard:' in batchmgr.yaml instead. Virtual tables cannot be guarded.
            """,
        options: [
            .required("mode", .choice(GuardMode.allCases.map(\.rawValue)), "what to do with such writes").main
        ],
        topic: .care, role: .admin,
        examples: [
            .init("batchmgr --db app.db guard set --mode track", "find drift without reading the whole database"),
            .init("batchmgr --db app.db guard set --mode enforce", "nobody else may write"),
        ])
}

extension DriftRequest {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        try arguments.allowOne(of: ["stat", "sql"])
        self.init(
            isStatistics: arguments.has("stat"), table: arguments.value("table"), isSQL: arguments.has("sql"))
    }
}

extension Command {
    static let driftShow = Command(.driftShow) { (arguments, call) throws(BatchError) in
        let request = try DriftRequest(arguments)
        let report = try call.view().drift(request)
        if request.isSQL {
            try call.output.show(report, text: report.changes.sql)
        } else {
            try call.output.show(report)
        }
        return .done
    }

    static let driftAdopt = Command(.driftAdopt) { (_, call) throws(BatchError) in
        call.endAtFirstSignal()
        try call.output.show(try DriftAdoption(try call.session()).perform())
        return .done
    }

    static let driftUndo = Command(.driftUndo) { (arguments, call) throws(BatchError) in
        if arguments.has("dry-run") {
            try call.output.show(try call.view().previewDriftUndo())
            return .done
        }
        call.endAtFirstSignal()
        switch try call.session().undoDrift() {
        case .done(let report):
            try call.output.show(report)
            return .after(report.restorePoint)
        case .refused(let report):
            try call.output.show(report)
            return report.error.code.exitCode
        }
    }

    static let guardShow = Command(.guardShow) { (_, call) throws(BatchError) in
        try call.output.show(try GuardSetting(try call.view()).report())
        return .done
    }

    static let guardSet = Command(.guardSet) { (arguments, call) throws(BatchError) in
        guard let mode: GuardMode = try arguments.choice("mode") else {
            throw .missing("--mode MODE", of: arguments.verb)
        }
        call.endAtFirstSignal()
        try call.output.show(try GuardSetting(try call.session()).set(mode))
        return .done
    }
}
