public import BatchCore
public import BatchEngine

extension Verb {
    public static let diff = Verb(
        "diff", "show row-level changes of a batch, or between two restore points",
        details: PointReference.rules,
        positionals: [
            Positional(.text("P1"), "the older point", isRequired: false),
            Positional(.text("P2"), "the newer point", isRequired: false),
        ],
        options: [
            .value("id", .text("BATCH"), "the changes of this batch, or of the one that a point names").main,
            .flag("stat", "only how many rows of which table"),
            .value("table", .text("TABLE"), "only this table"),
            .flag("sql", "as SQL statements"),
        ],
        topic: .look, role: .viewer,
        trace: .view,
        examples: [
            .init("batchmgr diff --id reprice_invoices.3 --table invoices", "what a batch did to one table"),
            .init("batchmgr diff import_index.1^ reprice_invoices.3 --stat", "between two points"),
            .init("batchmgr diff 2026-11-26T18:00 latest --stat", "what happened since that evening"),
        ])

    public static let rows = Verb(
        "rows", "show the rows of a table as they were at a restore point",
        details: "They are read from the git commit of the point; nothing is rebuilt.\n" + PointReference.rules,
        options: [
            .required("table", .text("TABLE"), "the table").main,
            .value("at", .text("POINT"), "the restore point (default: latest)").main,
            .value("limit", .number("N"), "at most this many (default: 20)"),
            .value("offset", .number("N"), "skip this many"), .all,
        ],
        topic: .look, role: .viewer,
        trace: .view,
        examples: [
            .init("batchmgr rows invoices --at reprice_invoices.3^", "before that batch"),
            .init("batchmgr rows invoices --at 2026-11-26T18:00 --limit 100", "that evening"),
        ])

    public static let blame = Verb(
        "blame", "show who set each column of a row, when, and from what",
        details: """
            A value that a rollback brought back belongs to whoever set it first. Changes outside any batch are shown as \
            drift, as far as the restore points show them. A deleted row is shown as it was last.
            """,
        options: [
            .required("table", .text("TABLE"), "the table").main,
            .required(
                "key", .text("KEY"),
                "the value of its primary key or its rowid; a JSON list for a key of several columns"
            ).main,
        ],
        topic: .look, role: .viewer,
        trace: .view,
        examples: [
            .init("batchmgr blame invoices 42", "who wrote this row?"),
            .init("batchmgr blame --table lines --key '[42, \"a\"]' --json", "a key of two columns, for scripts"),
        ])
}

extension DiffRequest {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        try arguments.allowOne(of: ["stat", "sql"])
        let subject: Subject
        switch (arguments.value("id"), arguments.positionals.count) {
        case (let id?, 0): subject = .batch(try PointReference(id))
        case (nil, 2):
            subject = .points(
                try PointReference(arguments.positionals[0]), try PointReference(arguments.positionals[1]))
        default: throw .missing("either --id BATCH or two points", of: arguments.verb)
        }
        self.init(
            subject, isStatistics: arguments.has("stat"), table: arguments.value("table"), isSQL: arguments.has("sql"))
    }
}

extension BlameRequest {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        self.init(table: try arguments.required("table"), key: try arguments.required("key"))
    }
}

extension RowsRequest {
    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        self.init(
            table: try arguments.required("table"), point: try PointReference(arguments.value("at") ?? "latest"),
            offset: arguments.number("offset") ?? 0,
            limit: arguments.has("all") ? Int.max - 1 : arguments.number("limit") ?? 20)
    }
}

extension Command {
    static let rows = Command(.rows) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.view().rows(try RowsRequest(arguments)))
        return .done
    }

    static let diff = Command(.diff) { (arguments, call) throws(BatchError) in
        let request = try DiffRequest(arguments)
        let report = try call.view().diff(request)
        if request.isSQL {
            try call.output.show(report, text: report.sql)
        } else {
            try call.output.show(report)
        }
        return .done
    }

    static let blame = Command(.blame) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.view().blame(try BlameRequest(arguments)))
        return .done
    }
}
