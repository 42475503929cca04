public import BatchCatalog
public import BatchCore
public import BatchLedger

/// A kind of step, in one place: how it is written, what it does, how that is taken back. The name of its key in a job
/// file is the name under which the ledger keeps what it did.
public protocol StepKind: Sendable {
    /// Its key in a step, with the keys that may stand beside it.
    var keys: KeyChoice { get }
    var place: StepPlace { get }
    /// Whether a step that has made a checkpoint is begun again by a resume, and goes on with what is left. Else the
    /// checkpoint, or the last one of its chunks, says that it is done.
    var knowsWhatIsLeft: Bool { get }

    /// Does the work. Called once for each try; what it does in the database goes through `StepRun.checkpoint`.
    func run(_ step: StepRun) throws(BatchError)

    /// Makes sure that the step can run at all. Called before anything changes.
    func require(_ step: StepDefinition, in session: Session) throws(BatchError)

    /// What is left out where the step cannot run: `program`, `export`.
    func noun(_ step: StepDefinition) -> String

    /// Whether the step does the same when it was done once already, and that was not noted.
    var mayRunTwice: Bool { get }

    /// Why the step cannot be run again when a rollback makes it necessary; nil when it can.
    func objectionToReplay(_ step: StepDefinition) -> String?

    /// Why an effect cannot be taken back; nil when it can. Called before a rollback changes anything.
    /// - Parameter undone: the batches that the rollback undoes, by `seq`.
    func objectionToUndo(
        _ effect: Effect, of batch: BatchRecord, beside undone: Set<Int64>, in session: Session
    ) -> UndoObjection?

    /// Takes an effect back.
    func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError)

    /// Whether `redo` can bring an effect about again.
    var mayRedo: Bool { get }

    /// Brings about again what a rollback took back, when that rollback is undone. Called in the transaction in which the
    /// rows are back already; done twice it does the same.
    /// - Returns: what of it is missing, in words that follow the name of the step; empty when all is there.
    func redo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) -> [String]
}

/// Where a kind of step works, which decides what happens to it in a dry run, a rehearsal, a replay and a rollback.
public enum StepPlace: Sendable {
    /// In rows alone: it runs everywhere, and the undo log takes it back.
    case rows
    /// It writes a file for people, or a copy: a rollback leaves it, and it is never made twice.
    case files
    /// Out in the world: it runs once everything is permanent, and is taken back by a compensation of its own.
    case outside
}

/// Why an effect cannot be taken back.
public enum UndoObjection: Sendable {
    /// In words that follow the name of the step.
    case undeclared(String)
    case fault(BatchError)
}

extension StepKind {
    public var name: String { keys.key.name }
    public var knowsWhatIsLeft: Bool { false }

    public func require(_ step: StepDefinition, in session: Session) throws(BatchError) {}
    public func noun(_ step: StepDefinition) -> String { name }
    public var mayRunTwice: Bool { true }
    public func objectionToReplay(_ step: StepDefinition) -> String? { nil }
    public func objectionToUndo(
        _ effect: Effect, of batch: BatchRecord, beside undone: Set<Int64>, in session: Session
    ) -> UndoObjection? { nil }
    public func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {}
    public var mayRedo: Bool { false }
    public func redo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) -> [String] { [] }
}

/// The kinds of steps that a process knows. A module adds its own to the registry of its `Context`.
public struct StepRegistry: Sendable {
    private let kinds: [any StepKind]

    public static let builtIn = StepRegistry(
        [
            SQLStep(), CheckStep(), ExecStep(), ExportStep(), SnapshotStep(), EnqueueStep(), WaitStep(), BackfillStep(),
            ManifestStep(), QuarantineStep(),
        ] + DocumentStep.Kind.allCases.map { DocumentStep($0) } + HealingStep.Kind.allCases.map { HealingStep($0) }
            + AuditStep.Kind.allCases.map { AuditStep($0) })

    private init(_ kinds: [any StepKind]) { self.kinds = kinds }

    public func adding(_ more: [any StepKind]) -> StepRegistry { StepRegistry(kinds + more) }

    /// A name that no kind has is a plugin.
    public func kind(_ name: String) -> any StepKind { kinds.first { $0.name == name } ?? PluginStep() }

    /// What a job file may say.
    /// - Parameter plugins: the step kinds that the workspace adds; nil admits any, as for a pinned definition.
    public func rules(plugins: [String]? = nil) -> CatalogRules {
        CatalogRules(kinds: kinds.map(\.keys), plugins: plugins)
    }

    func place(of step: StepDefinition) -> StepPlace { kind(step.kind).place }

    func isOutside(_ step: StepDefinition) -> Bool { place(of: step) == .outside }

    /// True when one transaction can hold the whole job.
    func areInRows(_ job: JobDefinition) -> Bool { job.steps.allSatisfy { place(of: $0) == .rows } }

    /// Makes sure that every step of a job can run.
    func require(_ job: JobDefinition, in session: Session) throws(BatchError) {
        for step in job.steps { try kind(step.kind).require(step, in: session) }
    }
}

extension JobDefinition {
    /// Reads a definition with the kinds of steps that the tool itself has.
    /// - Parameter pluginNames: those of the workspace; nil admits any.
    public static func parse(
        text: String, file: String, pluginNames: [String]? = nil
    ) throws(BatchError) -> JobDefinition {
        try parse(text: text, file: file, StepRegistry.builtIn.rules(plugins: pluginNames))
    }
}

/// Something that a step did outside the database's rows: a program that ran, a file that was written.
public struct Effect: Hashable, Sendable {
    public let id: Int64
    public let checkpoint: Int64
    public let step: String
    /// The name of the kind of step.
    public let kind: String
    /// What undo, or a reader, needs to know.
    public let detail: JSONValue
    /// The checkpoint of the rollback that took it back; nil while it stands.
    let undoneBy: Int64?
}

extension Ledger {
    func insert(
        effect kind: String, batch: Int64, checkpoint: Int64, step: String, detail: JSONValue
    ) throws(BatchError) {
        try connection.run(
            "INSERT INTO main.batchmgr_effects(batch, checkpoint, step, kind, detail) VALUES(?, ?, ?, ?, ?)",
            [
                .integer(batch), .integer(checkpoint), .string(step), .string(kind),
                .string(JSONWriter.text(detail)),
            ])
    }

    /// Effects of a batch that stand, in the order they happened.
    func effects(of batch: Int64) throws(BatchError) -> [Effect] {
        try allEffects(of: batch).filter { $0.undoneBy == nil }
    }

    /// Effects of a batch, also those that were taken back, in the order they happened.
    func allEffects(of batch: Int64) throws(BatchError) -> [Effect] {
        let sql = """
            SELECT id, checkpoint, step, kind, detail, undone_by FROM main.batchmgr_effects WHERE batch = ? ORDER BY id
            """
        return try connection.rows(sql, [.integer(batch)]).compactMap(Ledger.effect)
    }

    private static func effect(_ row: [SQLValue]) -> Effect? {
        guard let id = row[0].integer, let kind = row[3].string else { return nil }
        return Effect(
            id: id, checkpoint: row[1].integer ?? 0, step: row[2].string ?? "", kind: kind,
            detail: row[4].string.flatMap { try? JSONParser.parse($0) } ?? .null, undoneBy: row[5].integer)
    }

    /// What these checkpoints of a rollback have taken back outside the database, in the order in which it was done, each
    /// with the number of its batch.
    func effects(undoneBy checkpoints: [Int64]) throws(BatchError) -> [(effect: Effect, batch: Int64)] {
        let list = checkpoints.map(String.init).joined(separator: ", ")
        let sql = """
            SELECT id, checkpoint, step, kind, detail, undone_by, batch FROM main.batchmgr_effects \
            WHERE undone_by IN (\(list)) ORDER BY id
            """
        return try connection.rows(sql).compactMap { row in Ledger.effect(row).map { ($0, row[6].integer ?? 0) } }
    }

    /// - Parameter checkpoint: of the rollback; nil: it stands again.
    /// The same effect as one of another batch.
    func repeatEffect(_ id: Int64, in batch: Int64, _ checkpoint: Int64) throws(BatchError) {
        try connection.run(
            """
            INSERT INTO main.batchmgr_effects(batch, checkpoint, step, kind, detail) \
            SELECT ?, ?, step, kind, detail FROM main.batchmgr_effects WHERE id = ?
            """, [.integer(batch), .integer(checkpoint), .integer(id)])
    }

    func markEffectUndone(_ id: Int64, by checkpoint: Int64?) throws(BatchError) {
        try connection.run(
            "UPDATE main.batchmgr_effects SET undone_by = ? WHERE id = ?",
            [checkpoint.map(SQLValue.integer) ?? .null, .integer(id)])
    }
}
