internal import BatchCore
internal import BatchEngine

/// `GET /api/…`: how states differ, and who made them.
enum HistoryRoutes {
    private static let point = #"^[A-Za-z][A-Za-z0-9_-]{0,63}([.][1-9][0-9]{0,8})?\^?$"#

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/points/compare", name: "comparePoints",
            summary: "The rows in which two restore points differ", access: .role(.viewer),
            query: [
                Parameter("from", .text(pattern: point), "a restore point").required,
                Parameter("to", .text(pattern: point), "another one").required,
                .text("table", "only this table"), Parameter("stat", .boolean, "counts only"), .limit, .offset,
            ],
            answer: .report(["changes", "counts"]),
            perform: { (call) throws(BatchError) in
                try call.report(
                    differenceOf: .points(
                        try PointReference(try call.required("from")), try PointReference(try call.required("to"))))
            }),
        Route(
            method: .get, path: "/api/rows", name: "listRows", summary: "A table as it was at a restore point",
            access: .role(.viewer),
            query: [
                Parameter.text("table", "a table").required,
                Parameter("at", .text(pattern: point), "a restore point (default: the latest)"), .limit, .offset,
            ],
            answer: .report(["table", "point", "columns", "rows"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.view().rows(
                        RowsRequest(
                            table: try call.required("table"), point: try PointReference(call.value("at") ?? "latest"),
                            offset: call.number("offset") ?? 0, limit: call.number("limit") ?? 100)))
            }),
        Route(
            method: .get, path: "/api/blame", name: "blame", summary: "Who set each column of a row",
            access: .role(.viewer),
            query: [
                Parameter.text("table", "a table").required,
                Parameter.text("key", "the key of a row; a JSON list when it has several columns").required,
            ],
            answer: .report(["table", "columns"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.view().blame(
                        BlameRequest(table: try call.required("table"), key: try call.required("key"))))
            }),
        Route(
            method: .get, path: "/api/batches/{id}/certificates", name: "listCertificates",
            summary: "The certificates of the rollbacks of a batch, the oldest first", access: .role(.viewer),
            places: [.batch], answer: .report(["certificates"]),
            perform: { (call) throws(BatchError) in call.report(try call.view().certificates(of: try call.batch())) }),
    ]
}

extension APICall {
    /// The changes, or a part of them: all are counted.
    func report(differenceOf subject: DiffRequest.Subject) throws(BatchError) -> HTTPResponse {
        let report = try view().diff(DiffRequest(subject, isStatistics: flag("stat"), table: value("table")))
        guard let limit = number("limit") else { return self.report(report) }
        let part = report.changes.dropFirst(number("offset") ?? 0).prefix(limit)
        return self.report(ChangesReport(changes: Array(part), tables: report.tables, schema: report.schema))
    }
}
