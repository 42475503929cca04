import BatchCatalog
import BatchCore
import BatchEngine
import BatchLedger
import TestSupport

/// Plays a history with the engine, and beside it on a plain database that only the live batches ran on.
final class HistoryPlay {
    private let folder = TemporaryFolder(inMemory: true)
    let traits: HistoryTraits
    let session: Session
    private let reader: Connection
    private let images: ImageReader
    /// As it was before the first event.
    private let start: Connection
    /// Rows missed their parents before the first event.
    let beganBroken: Bool
    private var models = 0
    /// With the content that the database must have now.
    private(set) var model: PlainModel
    var entries: [HistoryEntry] = []
    /// False when some live batch saw what is undone by now, so that no run of SQL gives its rows.
    var isModelled: Bool
    /// What each restore point must hold, by its id; nil for those that nobody saw.
    private(set) var seen: [Int64: DatabaseImage] = [:]
    private var events = 0
    /// A rollback left rows as they were: no batch that had changed them can be undone whole any more.
    var hasKeptRows = false
    /// How many rollbacks were carried out.
    var rollbacks = 0
    /// How often an event changed nothing because it was refused, by the reason.
    var refusals: [String: Int] = [:]

    init(_ history: History) throws {
        traits = history.traits
        let path = folder.file("app.db")
        let made = try Connection(path: path, mode: .create)
        try made.execute("PRAGMA synchronous = OFF")
        for pragma in traits.pragmas { try made.execute(pragma) }
        // A smaller history may lack what a statement needs.
        for piece in history.setup { try? made.execute(piece.sql) }
        start = try Connection(path: folder.file("start.db"), mode: .create)
        try made.backup(to: start)
        beganBroken = try made.prepare("PRAGMA foreign_key_check").step()
        session = try Session(.adHoc(database: path), context: .system())
        try session.connection.execute("PRAGMA synchronous = OFF")
        reader = try Connection(path: path)
        images = ImageReader(reader, keepsOrder: !traits.vacuums)
        model = try PlainModel(copying: start, to: folder.file("model0.db"), traits)
        isModelled = !traits.choosesKeys
    }

    func play(_ event: History.Event) throws {
        let before = try image()
        switch event {
        case .batch(let steps, let snapshot): try runBatch(steps, snapshot)
        case .outside(let piece): try runOutside(piece)
        case .rollback(let place, let way): try rollBack(place, way, before)
        }
        events += 1
        try notePoints(before: before)
    }

    func image() throws -> DatabaseImage { try images.read() }

    func content() throws -> Content { Content(try image(), rowids: traits.namesRowids) }

    func file(_ name: String) -> String { folder.file(name) }

    // MARK: Batches

    private func runBatch(_ steps: [[SQLPiece]], _ snapshot: JobDefinition.SnapshotPolicy) throws {
        let name = "b\(events)"
        let sql = steps.map { $0.map(\.sql).joined(separator: "; ") }
        let (contents, failure) = try runInModel(sql)
        var done = contents.count - 1
        do throws(BatchError) {
            _ = try Runner(session).run(try job(name, sql, snapshot), ParameterValues([]))
            if let failure {
                throw BatchError(.internalFault, "\(name) worked, and not in the model: \(failure)", hint: "")
            }
        } catch {
            if error.code == .internalFault { throw HistoryFault(.outcome, error.message, detail: "run") }
            let committed = try session.ledger.batch(BatchID(job: name, number: 1)).map {
                try session.ledger.checkpoints(of: $0.seq).count
            }
            try expectFailure(error, of: name, failure)
            done = min(done, committed ?? 0)
            refusals["run \(error.code.rawValue)", default: 0] += 1
        }
        if done < contents.count - 1 { try followLive() }
        let changes = (0..<done).map { contents[$0 + 1] - contents[$0] }
        append(
            HistoryEntry(
                id: BatchID(job: name, number: 1), steps: Array(sql[..<done]), changes: changes,
                isLive: changes.map { _ in true }))
        try expect(contents[done], "after \(name)")
    }

    private func job(_ name: String, _ sql: [String], _ snapshot: JobDefinition.SnapshotPolicy) throws(BatchError)
        -> JobDefinition
    {
        let texts = traits.enforcesForeignKeys ? sql.map { "PRAGMA foreign_keys = ON; " + $0 } : sql
        let text = try JobDefinition.adHoc(id: name, sql: texts, StepRegistry.builtIn.rules()).text
        return try JobDefinition.parse(text: text + "snapshot: \(snapshot)\n", file: name)
    }

    /// - Returns: the contents before the first checkpoint and after each that worked, and why the next did not.
    private func runInModel(_ sql: [String]) throws -> (contents: [Content], failure: BatchError?) {
        var contents = [try model.content()]
        for step in sql {
            do throws(BatchError) { try model.run(step) } catch { return (contents, error) }
            contents.append(try model.content())
        }
        return (contents, nil)
    }

    /// A batch may fail where the model does, and where a documented limit says so.
    private func expectFailure(_ error: BatchError, of name: String, _ failure: BatchError?) throws {
        let isShared = failure != nil && [.constraint, .sql].contains(error.code)
        guard !isShared, ![.notUndoable, .forbiddenStatement].contains(error.code) else { return }
        throw HistoryFault(
            .outcome, "\(name) failed: \(error)\nin the model: \(failure.map { "\($0)" } ?? "it works")",
            detail: "run \(error.code.rawValue)")
    }

    func append(_ entry: HistoryEntry) {
        var entry = entry
        entry.saw = entries.map(\.isLive)
        entries.append(entry)
    }

    // MARK: Others

    private func runOutside(_ piece: SQLPiece) throws {
        let before = try model.content()
        let other = try Connection(path: session.path)
        // Foreign keys are enforced by whoever writes, or not.
        try other.execute(
            "PRAGMA synchronous = OFF; PRAGMA foreign_keys = \(traits.enforcesForeignKeys ? "ON" : "OFF")")
        // Statements are made for a state that a smaller history may not come to.
        guard (try? model.connection.execute(piece.sql)) != nil else { return }
        try other.execute(piece.sql)
        append(
            HistoryEntry(
                id: nil, steps: [piece.sql], changes: [try model.content() - before], isLive: [true]))
        try expect(try model.content(), "after \(piece.sql)", hasDrifted: true)
    }

    // MARK: The model

    /// Compares the database with what it must hold.
    func expect(_ content: Content, _ moment: String, hasDrifted: Bool = false) throws {
        if !hasDrifted { try expectOwnDigests(moment) }
        guard let difference = try self.content().difference(from: content) else { return }
        throw HistoryFault(.content, "\(moment):\n\(difference)", detail: String(moment.prefix { $0 != " " }))
    }

    private func expectOwnDigests(_ moment: String) throws {
        let kept = try session.ledger.state() ?? StateDigest()
        let real = try StateDigest.compute(reader)
        let names = Set(kept.tables.keys).union(real.tables.keys)
        var stale = names.filter { kept.tables[$0] ?? TableDigest() != real.tables[$0] ?? TableDigest() }
        if kept.schema != real.schema { stale.insert("(schema)") }
        guard stale.isEmpty else { throw HistoryFault(.digest, "\(moment): digests of \(stale.sorted()) are wrong") }
    }

    func newModel(copying source: Connection) throws -> PlainModel {
        models += 1
        return try PlainModel(copying: source, to: folder.file("model\(models).db"), traits)
    }

    /// A model on which just these ran; nil when somebody who wrote outside any batch would have written something else
    /// there, since that statement read what is undone by now.
    func model(running entries: [HistoryEntry]) throws -> PlainModel? {
        let model = try newModel(copying: start)
        for entry in entries {
            for (sql, change) in entry.liveSteps {
                let before = entry.id == nil ? try model.content() : .none
                do throws(BatchError) {
                    if entry.id == nil { try model.connection.execute(sql) } else { try model.run(sql) }
                } catch {
                    // What changed nothing depends on nothing, also not on the table that it found empty.
                    if change == Content.none { continue }
                    throw HistoryFault(
                        .outcome, "\(entry.id.map { "\($0)" } ?? sql) cannot run in the model: \(error)",
                        detail: "model")
                }
                if entry.id == nil, try model.content() - before != entry.changes[0] { return nil }
            }
        }
        return model
    }

    func follow(_ model: PlainModel) { self.model = model }

    /// Takes the database for the model: what comes next is compared with that.
    func followLive() throws { model = try newModel(copying: reader) }

    // MARK: Points

    private func notePoints(before: DatabaseImage) throws {
        guard try session.ledger.exists() else { return }
        let points = try session.ledger.points()
        if let open = points.first(where: { $0.status != .complete }) {
            throw HistoryFault(.point, "point \(open.id) is \(open.status)")
        }
        let new = points.filter { seen[$0.id] == nil && $0.id > (known.max() ?? 0) }
        for point in new where point.kind == .drift || point.kind == .baseline { seen[point.id] = before }
        if let last = new.last, last.kind != .drift, last.kind != .baseline { seen[last.id] = try image() }
        known.formUnion(new.map(\.id))
    }

    private var known: Set<Int64> = []
}
