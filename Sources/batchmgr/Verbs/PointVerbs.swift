public import BatchCore
public import BatchEngine

extension Verb {
    public static let points = Verb(
        "points", "list restore points, the latest last",
        options: [
            .value("limit", .number("N"), "the newest N points (default: 50; with --json 1,000)"),
            .flag("all", "all of them"),
        ],
        topic: .undo, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr points --json", "for scripts")])

    public static let restore = Verb(
        "restore", "rebuild the database at a restore point, or bring back some of its rows",
        details: """
            The .bak copy is used when it verifies, else git; the result has the recorded digest. A new file can be \
            made even when the database itself is lost. In place it is a batch of its own, and can be rolled back. \
            Exit 5: \
            no copy of the point verifies; exit 6: the result would not have the recorded digest. Nothing is left \
            behind then. With --table the rows that the point has are put back as they were, as a batch too; rows that \
            are newer, and all other tables, stay as they are. \(PointReference.rules)
            """,
        options: [
            .required("point", .text("POINT"), "BATCH, BATCH^, latest, a time, a tag or a commit").main,
            .value("to", .file("FILE"), "write a new database file"),
            .flag("in-place", "change the database back to that state"),
            .value("table", .text("TABLE"), "bring back rows of this table alone"),
            .value("where", .text("EXPRESSION"), "with --table: only rows of the point for which this SQL is true"),
            .value(
                "source", .choice(RestoreSource.allCases.map(\.rawValue)),
                "which copy to use (default: the first that verifies)"),
            .flag("dry-run", "with --in-place or --table: show the row-level changes, and discard them (also: -n)"),
            .flag("all", "with --dry-run: show every row (default: 20)"),
        ],
        topic: .undo, role: .operator,
        examples: [
            .init("batchmgr restore --point reprice_invoices.3^ --to before.db", "the state before a batch"),
            .init("batchmgr restore --point 2026-11-26T18:00 --to evening.db", "the state at a time"),
            .init("batchmgr restore --point import_index.1 --in-place --dry-run", "what would going back change?"),
            .init("batchmgr restore --point import_index.1 --in-place", "go back, undoably"),
            .init(
                "batchmgr restore --point import_index.1 --table invoices --where \"customer_id = 7\"",
                "bring back some rows, undoably"),
        ])
}

extension PointReference {
    /// How a point may be named, for the help of each verb that takes one.
    static let rules = """
        A point is a batch or a job (the state after it), BATCH^ (the state before it), latest, latest^, a time, a tag or \
        a commit. A time is 2026-11-26T14:00, '2026-11-26 14:00', 'yesterday 18:00', 18:00 or '2h ago', and means the state \
        that the batches until then left; a day alone means its end. Without a zone it is local time (TZ, or that of the \
        machine): when an hour comes twice, the second one. With a zone: 2026-11-26T14:00Z, 2026-11-26T14:00+01:00.
        """
}

/// `restore`
public struct RestoreRequest: Hashable, Sendable {
    public enum Target: Hashable, Sendable {
        case file(String)
        case inPlace
        case rows(RowSelection)
    }

    public let point: PointReference
    public let target: Target
    /// Nil: the first copy that verifies.
    public let source: RestoreSource?
    public let isDryRun: Bool

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        point = try PointReference(try arguments.required("point"))
        try arguments.allowOne(of: ["to", "in-place"])
        try arguments.allowOne(of: ["to", "dry-run"])
        for name in ["to", "in-place"] { try arguments.allowOne(of: [name, "table"]) }
        if arguments.has("where"), !arguments.has("table") {
            throw .missing("--table TABLE for --where", of: arguments.verb)
        }
        if let file = arguments.value("to") {
            target = .file(file)
        } else if arguments.has("in-place") {
            target = .inPlace
        } else if let table = arguments.value("table") {
            target = .rows(RowSelection(table: table, condition: arguments.value("where")))
        } else {
            throw .missing("--to FILE, --in-place or --table TABLE", of: arguments.verb)
        }
        source = arguments.value("source").flatMap { RestoreSource(rawValue: $0) }
        isDryRun = arguments.has("dry-run")
    }
}

extension Command {
    static let points = Command(.points) { (arguments, call) throws(BatchError) in
        let limit = ListRequest.limit(arguments, people: 50)
        do throws(BatchError) {
            try call.output.show(try call.view().points(limit: limit))
        } catch  where error.isLoss {
            let lost = try call.lost(error)
            lost.warn()
            try call.output.show(lost.points(limit: limit))
        }
        return .done
    }

    static let restore = Command(.restore) { (arguments, call) throws(BatchError) in
        let request = try RestoreRequest(arguments)
        call.endAtFirstSignal()
        switch request.target {
        case .file(let path):
            let restoring = try Restoring(
                try call.workspace(), tenant: call.globals.tenant, context: call.workContext())
            try call.output.show(
                try restoring.extract(try restoring.point(request.point), to: path, source: request.source))
        case .inPlace: try call.output.show(try restoreInPlace(request, nil, call))
        case .rows(let rows): try call.output.show(try restoreInPlace(request, rows, call))
        }
        return .done
    }

    private static func restoreInPlace(
        _ request: RestoreRequest, _ rows: RowSelection?, _ call: Call
    ) throws(BatchError) -> RunReport {
        let session = try Session(
            try call.workspace(), tenant: call.globals.tenant, context: call.workContext())
        return try InPlaceRestore(session).perform(
            request.point, source: request.source, rows: rows, isDryRun: request.isDryRun)
    }
}
