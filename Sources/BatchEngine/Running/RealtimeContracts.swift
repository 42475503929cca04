internal import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// The contracts that are asked within each checkpoint, before it is committed, of the rows that it changed: what a batch
/// breaks never becomes permanent. What was broken before is none of its business.
final class RealtimeContracts {
    /// One of them, on its way through a batch.
    private final class Asked {
        let contract: ContractDefinition
        /// It compiled before the batch; otherwise it is of another database, or of tables that are still to come.
        var isAskable: Bool
        var byKeys: Statement?
        /// By key: violations that earlier checkpoints of the batch have left, fewer than the contract fails at.
        var made: [[SQLValue]: Int] = [:]

        init(_ contract: ContractDefinition, isAskable: Bool) {
            self.contract = contract
            self.isAskable = isAskable
        }
    }

    private struct Answer {
        var columns: [String] = []
        var rows: [[SQLValue]] = []
        var count = 0
    }

    private let session: Session
    private let gateway: Gateway
    private let contracts: [Asked]
    /// The one for which the batch was stopped.
    private(set) var broken: ContractReport.Entry?
    /// Sees the database as it was before the open transaction.
    private var earlier: Connection?
    /// Violations that are compared with those from before.
    private static let compared = 100_000
    private static let shown = 20

    /// Nil when the catalog has none.
    /// - Throws: `ERR_UX_INVALID_CATALOG` when the file of contracts cannot be read: what it forbids is not known then.
    init?(_ session: Session, _ gateway: Gateway) throws(BatchError) {
        let found = try ContractList.realtime(in: session.workspace.catalog)
        guard !found.isEmpty else {
            gateway.watches = []
            return nil
        }
        self.session = session
        self.gateway = gateway
        // One for itself: reading the columns takes the authorizer, and it knows no functions that look at files.
        let compiler = try Connection(path: session.path, mode: .readOnly)
        compiler.tolerateUnknownCollations()
        for function in Checksums.functions { compiler.add(function) }
        contracts = found.map { contract in
            let compiles = (try? session.connection.prepare(contract.query, isVerbatim: true)) != nil
            return Asked(contract, isAskable: compiles)
        }
        gateway.watches = found.map { RealtimeContracts.watch($0, compiler) }
    }

    /// What it reads without saying how that leads to a key makes it look at everything.
    private static func watch(_ contract: ContractDefinition, _ compiler: Connection) -> KeyWatch {
        guard let read = try? ColumnsRead(of: contract.query, on: compiler) else { return KeyWatch(tables: nil) }
        let keys = Dictionary(contract.reads.map { (SQLName.folded($0.key), $0.value) }) { first, _ in first }
        return KeyWatch(
            tables: read.columns.reduce(into: [:]) { tables, read in
                tables[read.key] = KeyWatch.Table(key: keys[read.key], used: Array(read.value.filter { !$0.isEmpty }))
            })
    }

    /// Call it when a checkpoint is sealed, and its transaction is still open.
    /// - Throws: `ERR_DATA_CONTRACT` when rows that it changed break a contract, and did not before.
    func require(_ run: BatchRun) throws(BatchError) {
        for (watch, asked) in contracts.enumerated() {
            let found = gateway.changedSchema ? .whole : try gateway.found(by: watch)
            do throws(BatchError) {
                switch found {
                case .nothing: continue
                case .keys(let keys): try require(asked, of: keys, run)
                case .whole: try require(asked, of: nil, run)
                }
            } catch {
                if [.contractBroken, .stopped].contains(error.code) { throw error }
                // It never could be asked here, and `contract check` says so.
                guard asked.isAskable else { continue }
                throw BatchError(
                    .contractBroken, "contract \(asked.contract.id) can no longer be checked: \(error.message)",
                    hint: "change the contract first: \(command: "contract list")")
            }
            asked.isAskable = true
        }
    }

    private func require(_ asked: Asked, of keys: [[SQLValue]]?, _ run: BatchRun) throws(BatchError) {
        let contract = asked.contract
        let now = try violations(of: asked, keys)
        let counts = counts(now, contract)
        let before = now.count == 0 ? [:] : violationsBefore(of: contract, keys)
        for key in Set(counts.keys).union(keys ?? Array(asked.made.keys)) {
            let count = counts[key] ?? 0
            let more = max(0, count - (before[key] ?? 0))
            let made = min(count, (asked.made[key] ?? 0) + more)
            asked.made[key] = made > 0 ? made : nil
        }
        let made = asked.made.values.reduce(0, +)
        let total = made > 0 && contract.needsTotal ? try rows(of: contract.table) : 0
        guard contract.status(violations: made, of: total) == .fail else { return }
        broken = ContractReport.Entry(
            contract: contract, status: .fail, violations: made, columns: now.columns, rows: now.rows,
            batch: run.batch.batch.description)
        show(now, contract)
        throw BatchError(
            .contractBroken, "contract \(contract.id) would be broken by \(Counted.text(made, "row"))",
            hint: "correct what the batch writes; see the contract: \(command: "contract check \(contract.id)")")
    }

    /// Only to who may see the rows of all tenants: a contract is asked for all of them.
    private func show(_ answer: Answer, _ contract: ContractDefinition) {
        guard session.owner == nil else { return }
        let rows = Array(answer.rows.prefix(RealtimeContracts.shown))
        session.context.showRows(
            Context.RowSample(
                title: "found by contract \(contract.id)", columns: answer.columns, rows: rows,
                more: answer.count - rows.count))
    }

    private func rows(of table: String?) throws(BatchError) -> Int {
        let tables = try session.ledger.state()?.tables ?? [:]
        let entry = tables.first { SQLName.areSame($0.key, table ?? "") }
        return entry.map { Int($0.value.rows) } ?? 0
    }

    // MARK: Asking

    private func violations(of asked: Asked, _ keys: [[SQLValue]]?) throws(BatchError) -> Answer {
        guard let keys else {
            return try answer(try session.connection.prepare(asked.contract.query, isVerbatim: true), nil)
        }
        let statement: Statement
        if let known = asked.byKeys {
            statement = known
        } else {
            statement = try session.connection.prepare(asked.contract.queryOfKeys, isVerbatim: true)
            asked.byKeys = statement
        }
        defer { statement.reset() }
        return try answer(statement, keys)
    }

    private func answer(_ statement: Statement, _ keys: [[SQLValue]]?) throws(BatchError) -> Answer {
        guard statement.isReadOnly, SQLText.isBlank(statement.tail) else {
            throw BatchError(.forbiddenStatement, "it is not a single query that only reads", hint: "give one SELECT")
        }
        try statement.bind(named: ContractDefinition.parameters(keys: keys))
        var answer = Answer(columns: (0..<statement.columnCount).map(statement.columnName))
        while try statement.step() {
            if answer.rows.count < RealtimeContracts.compared { answer.rows.append(statement.values) }
            answer.count += 1
        }
        return answer
    }

    /// Violations by key, or by the whole row where the answer does not have the key.
    private func counts(_ answer: Answer, _ contract: ContractDefinition) -> [[SQLValue]: Int] {
        let places = contract.key.compactMap { name in
            answer.columns.firstIndex { SQLName.areSame($0, name) }
        }
        let hasKey = !places.isEmpty && places.count == contract.key.count
        return answer.rows.reduce(into: [:]) { counts, row in
            counts[hasKey ? places.map { row[$0] } : row, default: 0] += 1
        }
    }

    /// Those of the same rows before the batch. Where the open transaction keeps readers out, none are known, and what is
    /// broken counts as made by the batch.
    private func violationsBefore(of contract: ContractDefinition, _ keys: [[SQLValue]]?) -> [[SQLValue]: Int] {
        if earlier == nil {
            earlier = try? Connection(path: session.path, mode: .readOnly, busyTimeout: 0)
            earlier?.tolerateUnknownCollations()
            for function in Checksums.functions { earlier?.add(function) }
        }
        let sql = keys == nil ? contract.query : contract.queryOfKeys
        guard let statement = try? earlier?.prepare(sql, isVerbatim: true),
            let found = try? answer(statement, keys)
        else { return [:] }
        return counts(found, contract)
    }
}

extension ContractDefinition {
    /// Its query, of the rows of `:changed_keys` alone.
    ///
    /// SQLite takes the condition into the query, down to the indexes of its tables.
    public var queryOfKeys: String {
        let names = key.map(SQLName.quote).joined(separator: ", ")
        let parts = key.indices.map { "json_extract(value, '$[\($0)]')" }.joined(separator: ", ")
        return "SELECT * FROM (\(query)\n) WHERE (\(names)) IN (SELECT \(parts) FROM json_each(:changed_keys))"
    }

    /// - Parameter keys: nil for all rows.
    public static func parameters(keys: [[SQLValue]]?, tenant: String? = nil) -> [String: SQLValue] {
        var parameters = ["tenant": tenant.map(SQLValue.string) ?? .null]
        if let keys {
            parameters["changed_keys"] = .string(
                JSONWriter.text(.array(keys.map { JSONValue.array($0.map(\.json)) })))
        }
        return parameters
    }
}
