import BatchCore
import BatchLedger
import TestSupport

/// Makes up a history from a seed, one event after the other, each for the database as it is by then.
struct HistoryWriter {
    private var random: SeededRandom
    private(set) var history: History
    private let isConstrained: Bool
    /// How many events it has.
    let length: Int

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        isConstrained = seed >= RandomConstraints.firstSeed
        let traits = HistoryTraits(&random)
        history = History(traits: traits)
        history.drills = 3
        length = 5 + random.below(8)
        try writeSetup()
    }

    // MARK: The database

    private mutating func writeSetup() throws {
        let scratch = try Connection(path: ":memory:", mode: .create)
        for pragma in history.traits.pragmas { try scratch.execute(pragma) }
        for piece in RandomSchema(&random, isConstrained: isConstrained).pieces { add(piece, scratch) }
        var scene = try Scene(scratch)
        let rows = RandomStatements(traits: history.traits, scene: scene, mark: "r")
        for table in scene.tables {
            for _ in 0..<(3 + random.below(4)) { add(rows.insert("INSERT OR IGNORE", table, &random), scratch) }
        }
        for _ in 0..<(scene.standalone.isEmpty ? 0 : 4) { add(rows.virtualRow(&random), scratch) }
        for number in 0..<random.below(4) {
            let definitions = RandomDefinitions(traits: history.traits, scene: scene, mark: "\(number)")
            add(random.chance(70) ? definitions.index(&random) : nil, scratch)
            add(random.chance(50) ? definitions.view(&random) : nil, scratch)
            scene = try Scene(scratch)
            let again = RandomDefinitions(traits: history.traits, scene: scene, mark: "\(number)")
            add(random.chance(60) ? again.trigger(&random) : nil, scratch)
        }
        if random.chance(25) { add(RandomDefinitions.addColumn(to: random.pick(scene.tables), "0", &random), scratch) }
    }

    /// Keeps a statement that works.
    private mutating func add(_ piece: SQLPiece?, _ scratch: Connection) {
        guard let piece, (try? scratch.execute(piece.sql)) != nil else { return }
        history.setup.append(piece)
    }

    // MARK: Events

    /// - Parameter model: with the content that the next event will meet; left as it was.
    mutating func next(on model: Connection) throws -> History.Event? {
        let round = history.events.count
        let isLast = round == length - 1
        let event: History.Event?
        if isLast || round > 1 && random.chance(33) {
            event = .rollback(random.below(8), RollbackWay(history.traits, &random))
        } else if random.chance(12) {
            event = try outside(model, round).map { .outside($0) }
        } else {
            event = try batch(model, round)
        }
        if let event { history.events.append(event) }
        return event
    }

    private mutating func batch(_ model: Connection, _ round: Int) throws -> History.Event? {
        try model.execute("BEGIN")
        defer { model.rollbackIfOpen() }
        var steps: [[SQLPiece]] = []
        for number in 0..<(random.chance(25) ? 3 : 1) {
            var step: [SQLPiece] = []
            for count in 0..<(1 + random.below(4)) {
                guard let piece = try statement(model, "\(round)_\(number)_\(count)") else { continue }
                // One that fails takes its whole step with it: a few of these are enough.
                let isFine = (try? model.execute("SAVEPOINT one; \(piece.sql); RELEASE one")) != nil
                // A clause of the schema may have ended the transaction.
                if !isFine { try model.execute(model.isAutocommit ? "BEGIN" : "ROLLBACK TO one; RELEASE one") }
                if isFine || random.chance(6) { step.append(piece) }
            }
            if !step.isEmpty { steps.append(step) }
        }
        let policy = random.pick([JobDefinition.SnapshotPolicy.auto, .delta, .delta])
        return steps.isEmpty ? nil : .batch(steps: steps, snapshot: policy)
    }

    private mutating func statement(_ model: Connection, _ mark: String) throws -> SQLPiece? {
        let scene = try Scene(model)
        if isConstrained, random.chance(6) {
            let version = "PRAGMA user_version = \(random.below(9))"
            return .plain(random.pick([version, version, "ANALYZE", "PRAGMA application_id = \(random.below(9))"]))
        }
        if history.traits.changesSchema, random.chance(18) {
            return RandomDefinitions(traits: history.traits, scene: scene, mark: mark).next(&random)
        }
        return RandomStatements(traits: history.traits, scene: scene, mark: mark).next(&random)
    }

    private mutating func outside(_ model: Connection, _ round: Int) throws -> SQLPiece? {
        let scene = try Scene(model)
        if history.traits.vacuums, random.chance(60) { return .plain("VACUUM") }
        if history.traits.drifts, random.chance(70) { return try statement(model, "drift\(round)") }
        guard history.traits.changesSchema, !scene.tables.isEmpty else { return nil }
        if random.chance(50) {
            return RandomDefinitions.addColumn(to: random.pick(scene.tables), "out\(round)", &random)
        }
        return RandomDefinitions(traits: history.traits, scene: scene, mark: "out\(round)").index(&random)
    }
}
