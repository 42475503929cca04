public import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// A query that the catalog asks about the data: what a repair finds, what breaks a contract.
public struct CatalogQuery {
    private let session: Session

    public init(_ session: Session) { self.session = session }

    public struct Answer: Sendable {
        public var columns: [String]
        /// The first of them.
        public var rows: [[SQLValue]]
        public var count: Int

        public init(columns: [String], rows: [[SQLValue]], count: Int) {
            self.columns = columns
            self.rows = rows
            self.count = count
        }
    }

    /// - Parameters:
    ///   - what: how the query is named to people: `contract tenant_on_every_row`.
    ///   - limit: more rows than that are counted, and not kept.
    /// - Throws: `ERR_SECURITY_FORBIDDEN_STATEMENT` when it would change something; an error of SQL with `what`.
    public func ask(
        _ sql: String, _ parameters: [String: SQLValue], what: String, limit: Int = .max
    ) throws(BatchError) -> Answer {
        do throws(BatchError) {
            return try session.reading { () throws(BatchError) in
                let statement = try session.connection.prepare(sql, isVerbatim: true)
                guard statement.isReadOnly, SQLText.isBlank(statement.tail) else {
                    throw BatchError(
                        .forbiddenStatement, "it is not a single query that only reads", hint: "give one SELECT")
                }
                try statement.bind(named: parameters)
                var answer = Answer(
                    columns: (0..<statement.columnCount).map(statement.columnName), rows: [], count: 0)
                while try statement.step() {
                    if answer.count < limit { answer.rows.append(statement.values) }
                    answer.count += 1
                    if answer.count % 1_024 == 0, session.context.stopWish() != .goOn {
                        throw BatchError(.stopped, "it was stopped", hint: "ask again")
                    }
                }
                return answer
            }
        } catch {
            throw error.with(message: "\(what): \(error.message)")
        }
    }

    /// Rows of a table.
    public func count(of table: String) throws(BatchError) -> Int {
        let layout = try session.table(named: table)
        return Int(try session.connection.value("SELECT count(*) FROM main.\(layout.quotedName)")?.integer ?? 0)
    }

    /// The latest batch that set something in each of these rows of a table; nil for a row that none is known of.
    /// - Parameter rows: with the columns of the table's key among their columns.
    public func batches(
        setting rows: [[SQLValue]], columns: [String], of table: String
    ) throws(BatchError) -> [BlameReport.Origin?] {
        let none = rows.map { _ in BlameReport.Origin?.none }
        guard try session.ledger.exists() else { return none }
        let names = try session.table(named: table).keyNames
        let places = names.compactMap { name in columns.firstIndex { $0.lowercased() == name.lowercased() } }
        guard places.count == names.count, !names.isEmpty else { return none }
        return rows.map { row in
            let key = JSONWriter.text(.array(places.map { row[$0].json }))
            // A row that was found may have gone since.
            guard let blame = try? session.blame(BlameRequest(table: table, key: key), batchesOnly: true) else {
                return nil
            }
            let known = blame.columns.map(\.origin).filter { $0.batch != nil }
            return known.max { ($0.at?.milliseconds ?? .min) < ($1.at?.milliseconds ?? .min) }
        }
    }
}

extension TableLayout {
    /// The columns that a person names a row by.
    fileprivate var keyNames: [String] {
        switch key {
        case .rowid(alias: let name): name.map { [$0] } ?? []
        case .primaryKey(let positions): positions.map { columns[$0].name }
        }
    }
}

extension Session {
    /// What the switches say to work on this database.
    public func decision(on work: SwitchedWork) throws(BatchError) -> SwitchBoard.Decision {
        try SwitchGate(self).decision(on: work)
    }

    /// Writes a row into the audit of the database; nothing while there is no ledger.
    /// - Parameter details: names and counts; never values of rows.
    public func note(
        _ action: String, batch: BatchID?, tenant: String?, outcome: String, details: JSONValue
    ) throws(BatchError) {
        guard try ledger.exists() else { return }
        let entry = context.entry(
            action, batch: batch?.description, tenant: tenant, outcome: outcome, details: details)
        try ledger.audit(entry, context)
    }
}

extension Session {
    /// Writes files as one `.tar.zst`.
    /// - Returns: its SHA-256.
    public func writeArchive(
        _ files: [(name: String, content: [UInt8])], to path: String
    ) throws(BatchError) -> String {
        var archive = TarArchive(seconds: context.now().milliseconds / 1_000)
        for file in files { archive.add(file.name, file.content) }
        let bytes = try CompressedFile.bytes(of: archive.finished())
        try DurableFile.write(bytes, to: path)
        let hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}

extension Context {
    /// What is done to the control store: under the name of the verb, or of what the tool did of itself.
    public func act(on action: String) -> ControlAct { act(action, outcome: "done") }
}
