public import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// `audit.*`: one look at whether something holds. What it finds is kept with the batch, so that the next night is compared
/// with it; a finding does not fail the batch.
public struct AuditStep: StepKind {
    public enum Kind: String, CaseIterable, Sendable {
        case digests = "audit.digests"
        case contracts = "audit.contracts"
        case integrity = "audit.integrity"
        case keys = "audit.keys"
        case copies = "audit.copies"
        case drill = "audit.drill"
        case disk = "audit.disk"
        case files = "audit.files"
        case rules = "audit.rules"
        case report = "audit.report"
    }

    /// What a look found.
    public struct Result: Hashable, Sendable {
        public var step: String
        public var outcome: Check.Outcome
        /// Names and counts; no values of rows.
        public var detail: String
        /// Of each, more is worse.
        public var figures: [String: Int64]
        /// What there was no time for, to begin with the next time.
        public var left: [String]
        public var milliseconds: Int64 = 0

        public init(
            _ step: String, _ outcome: Check.Outcome, _ detail: String, _ figures: [String: Int64] = [:],
            left: [String] = []
        ) {
            self.step = step
            self.outcome = outcome
            self.detail = detail
            self.figures = figures
            self.left = left
        }

        init?(_ effect: Effect) {
            guard let outcome = effect.detail["outcome"]?.string.flatMap(Check.Outcome.init) else { return nil }
            step = effect.step
            self.outcome = outcome
            detail = effect.detail["detail"]?.string ?? ""
            figures = (effect.detail["figures"]?.members ?? []).reduce(into: [:]) { $0[$1.key] = $1.value.integer }
            left = effect.detail["left"]?.array?.compactMap(\.string) ?? []
            milliseconds = effect.detail["ms"]?.integer ?? 0
        }

        public var json: JSONValue {
            [
                "step": .string(step), "outcome": .string(outcome.rawValue), "detail": .string(detail),
                "figures": .object(figures.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) }),
                "left": .array(left.map(JSONValue.string)), "ms": .integer(milliseconds),
            ]
        }
    }

    /// What one look may do.
    public struct Order: Sendable {
        public let kind: Kind
        public let settings: JSONValue
        /// What the last audit had no time for.
        public let left: [String]
        /// When the last audit began; nil when there was none.
        public let since: Timestamp?
        /// True once the time of the step is used up.
        public let isOver: @Sendable () -> Bool
    }

    private let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    public var keys: KeyChoice {
        let budget = KeyRule(
            "budget", .text(.duration), "How long it may take; what is left comes first the next time.")
        let rules: [KeyRule] =
            switch kind {
            case .digests: [budget]
            case .contracts:
                [
                    budget,
                    KeyRule(
                        "when", .list(.choice(AuditStep.occasions), mayBeEmpty: false), "Only contracts of these (all)."
                    ),
                ]
            case .drill: [KeyRule("sample", .integer(1...100_000), "How many restore points (all).")]
            case .disk: [KeyRule("least", .integer(1...90), "Percentage of the disk that must be free (`10`).")]
            default: []
            }
        return KeyChoice(
            KeyRule(kind.rawValue, .record(KeyTable("an \(kind.rawValue)", rules)), meaning), beside: CatalogRules.tries
        )
    }

    private static let occasions = ContractDefinition.Occasion.allCases.map(\.rawValue)

    private var meaning: String {
        switch kind {
        case .digests: "Compares each table with its recorded digest: finds what was changed outside batches."
        case .contracts: "Checks the contracts."
        case .integrity: "Lets SQLite check the file."
        case .keys: "Looks for rows whose foreign key points to nothing."
        case .copies: "Checks that both copies of each restore point are there and whole."
        case .drill: "Restores points from both copies and compares them."
        case .disk: "Checks how much of the disk is free."
        case .files: "Looks for files that belong to nothing, have no row, or are damaged."
        case .rules: "Applies the rules to what happened since the last audit; nothing else happens."
        case .report:
            "Writes the report of the audit, beginning with what got worse, and opens an incident when something failed."
        }
    }

    public var place: StepPlace { .files }

    public func require(_ step: StepDefinition, in session: Session) throws(BatchError) { _ = try work(session) }

    private func work(_ session: Session) throws(BatchError) -> any HealingWork {
        if let healing = session.context.healing { return healing }
        throw BatchError(
            .libraryMissing, "step kind \(kind.rawValue) cannot run here",
            hint: "use the tool itself: \(command: "heal list")")
    }

    public func run(_ step: StepRun) throws(BatchError) {
        let (session, work) = (step.session, try work(step.session))
        let context = session.context
        let earlier = try session.auditBefore(step.batch)
        if kind == .report {
            let path = try work.writeReport(
                of: step.batch, try session.auditResults(of: step.batch), before: earlier?.results, in: session)
            return try step.record(["report": .string(path)])
        }
        let begun = context.now().milliseconds
        let budget = step.definition.settings["budget"]?.string.flatMap { Duration(text: $0) }?.wholeMilliseconds
        let order = Order(
            kind: kind, settings: step.definition.settings,
            left: earlier?.results.first { $0.step == step.definition.id }?.left ?? [], since: earlier?.at
        ) {
            context.stopWish() != .goOn || budget.map { context.now().milliseconds - begun > $0 } ?? false
        }
        var result: Result
        do throws(BatchError) {
            result = try work.look(order, in: session)
        } catch {
            if error.code == .stopped || error.code == .busy { throw error }
            result = Result("", .failed, error.logMessage)
        }
        try step.stopIfAsked()
        result.step = step.definition.id
        result.milliseconds = context.now().milliseconds - begun
        try step.record(result.json)
    }
}

extension Session {
    /// What the `audit.*` steps of a batch found.
    public func auditResults(of batch: BatchID) throws(BatchError) -> [AuditStep.Result] {
        guard let record = try ledger.batch(batch) else { return [] }
        return try ledger.allEffects(of: record.seq).filter { $0.kind.hasPrefix("audit.") }
            .compactMap(AuditStep.Result.init)
    }

    /// The last audit of the same job that came to its end.
    func auditBefore(_ batch: BatchID) throws(BatchError) -> (at: Timestamp?, results: [AuditStep.Result])? {
        guard let now = try ledger.batch(batch),
            let last = try ledger.batches(
                where: "job = ?1 AND seq < ?2 AND status = 'committed' AND kind = 'batch'",
                [.string(batch.job), .integer(now.seq)]
            ).last
        else { return nil }
        return (Timestamp(iso8601: last.startedAt), try auditResults(of: last.batch))
    }

    /// Tables that are not what their recorded digest says.
    public struct DigestComparison: Sendable {
        public var tables = 0
        public var rows: Int64 = 0
        public var changed: [String] = []
        public var hasSchemaChange = false
        /// Those that there was no time for.
        public var left: [String] = []
        /// Changes from outside that were kept with restore points since.
        public var kept = 0
    }

    /// Reads table after table, as long as there is time; at least one.
    /// - Parameters:
    ///   - first: the tables to begin with.
    ///   - since: changes from outside that were kept since then count too.
    public func compareDigests(
        first: [String], since: Timestamp?, isOver: () -> Bool
    ) throws(BatchError) -> DigestComparison {
        try reading { () throws(BatchError) in
            var found = DigestComparison()
            guard let recorded = try ledger.state() else { return found }
            let reader = SchemaReader(connection)
            found.hasSchemaChange = try reader.digest() != recorded.schema
            let tables = try reader.tables()
            let early = Set(first)
            for table in tables.filter({ early.contains($0.name) }) + tables.filter({ !early.contains($0.name) }) {
                guard found.tables == 0 || !isOver() else {
                    found.left.append(table.name)
                    continue
                }
                let digest = try StateDigest.compute(table, connection)
                found.tables += 1
                found.rows += digest.rows
                if digest != recorded.tables[table.name] ?? TableDigest() { found.changed.append(table.name) }
            }
            let names = Set(tables.map(\.name))
            found.changed += recorded.tables.filter { $0.value != TableDigest() && !names.contains($0.key) }.map(\.key)
            found.kept = try ledger.points(
                where: "kind = 'drift' AND created_at >= ?", [.string(since?.iso8601 ?? "")]
            ).count
            return found
        }
    }
}
