import BatchCore
import BatchEngine
import BatchLedger
import TestSupport

/// Plays a plot with the engine, and beside it on a plain database that only the live batches ran on.
struct ModeHistory {
    private struct Batch {
        let id: BatchID
        let sql: [String]
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let folder = TemporaryFolder()
    private let plot: ModePlot
    private let session: Session
    private var live: [Batch] = []
    /// How many rollbacks were carried out.
    private(set) var rollbacks = 0

    init(_ plot: ModePlot) throws {
        self.plot = plot
        let path = folder.file("app.db")
        try Connection(path: path, mode: .create).execute(plot.schema)
        session = try Session(.adHoc(database: path), context: .system())
        try session.connection.execute("PRAGMA synchronous = OFF")
    }

    mutating func play() throws {
        for (index, event) in plot.events.enumerated() {
            switch event {
            case .batch(let sql): try run(sql, index)
            case .rollback(let place, let way): try rollBack(place, way)
            }
        }
    }

    // MARK: Events

    private mutating func run(_ sql: [String], _ index: Int) throws {
        let id = "b\(index)"
        let text = "PRAGMA foreign_keys = ON; " + sql.joined(separator: "; ")
        do throws(BatchError) {
            _ = try Runner(session).run(try JobDefinition.adHoc(id: id, sql: [text]), ParameterValues([]))
        } catch {
            // The batch broke a constraint: it changed nothing.
            guard error.code == .constraint else { throw error }
            return
        }
        live.append(Batch(id: BatchID(job: id, number: 1), sql: sql))
        try expect(live, "after \(id)")
    }

    private mutating func rollBack(_ place: Int, _ way: ModePlot.Way) throws {
        guard !live.isEmpty else { return }
        let chosen = live[place % live.count]
        let before = try StateDigest.compute(session.connection)
        let mode: RollbackMode =
            switch way {
            case .cascade, .prove: .cascade
            case .replay: .replay
            case .unconflicted: .unconflicted
            }
        let readers: RollbackRequest.ReaderPolicy =
            switch way {
            case .cascade, .replay: .include
            case .prove: .prove
            case .unconflicted: .show
            }
        let request = RollbackRequest(
            batch: .batch(chosen.id), mode: mode, onConflict: way == .unconflicted ? .keep : .abort, readers: readers)
        let outcome: Rollback.Outcome
        do throws(BatchError) {
            outcome = try Rollback(session).perform(request)
        } catch {
            try expectRefused(error, before, chosen.id, way)
            return
        }
        rollbacks += 1
        guard case .done(let report) = outcome else { throw Failure(description: "\(way) of \(chosen.id) was refused") }
        try settle(report, chosen, way)
    }

    /// A batch that cannot run without another one: then nothing may have changed.
    private func expectRefused(
        _ error: BatchError, _ before: StateDigest, _ batch: BatchID, _ way: ModePlot.Way
    ) throws {
        let isExpected = way == .replay && [.constraint, .notReplayable].contains(error.code)
        guard isExpected || way == .unconflicted && error.code == .conflict else { throw error }
        guard try StateDigest.compute(session.connection) == before else {
            throw Failure(description: "\(way) of \(batch) was refused and changed something: \(error)")
        }
    }

    private mutating func settle(_ report: RollbackReport, _ chosen: Batch, _ way: ModePlot.Way) throws {
        if way == .unconflicted, !report.conflicts.isEmpty {
            // What is left belongs to nobody's model any more.
            guard report.status == .partiallyRolledBack else {
                throw Failure(description: "\(chosen.id) kept rows and is \(report.status)")
            }
            try expectOwnDigests("after unconflicted \(chosen.id)")
            throw Ended()
        }
        let gone = Set(report.order)
        let names = Dictionary(
            report.replayed.compactMap { batch in batch.replacement.map { (batch.batch, $0) } }
        ) { first, _ in first }
        let readers = report.dependents.contains { $0.edges.first?.kind == .read && !gone.contains($0.batch) }
        // In the order in which they first ran.
        let remaining = live.filter { !gone.contains($0.id) || names[$0.id] != nil }
        if way == .unconflicted, readers { throw Ended() }
        try expect(remaining, "after \(way) of \(chosen.id), order \(report.order), again \(names)")
        let again = live.compactMap { batch in names[batch.id].map { Batch(id: $0, sql: batch.sql) } }
        live = live.filter { !gone.contains($0.id) } + again
    }

    /// The plot cannot be followed further by the model.
    struct Ended: Error {}

    // MARK: The model

    private func expect(_ batches: [Batch], _ moment: String) throws {
        try expectOwnDigests(moment)
        let model = try Connection(path: ":memory:", mode: .create)
        try model.execute("PRAGMA foreign_keys = ON; " + plot.schema)
        for batch in batches {
            do {
                try model.execute("BEGIN; " + batch.sql.map(ModeHistory.plain).joined(separator: "; ") + "; COMMIT")
            } catch {
                throw Failure(description: "\(moment): \(batch.id) cannot run in the model: \(error)")
            }
        }
        let expected = try ModeHistory.content(model)
        let found = try ModeHistory.content(session.connection)
        guard expected == found else {
            let names = Set(expected.keys).union(found.keys).filter { expected[$0] != found[$0] }.sorted()
            let lines = names.map { "\($0): expected \(expected[$0] ?? []), found \(found[$0] ?? [])" }
            throw Failure(description: "\(moment): \(lines.joined(separator: "\n"))")
        }
    }

    /// Chance differs between the two: what matters is that a second run sees what the first saw.
    private static func plain(_ sql: String) -> String { sql.replacing("random()", with: "''") }

    private static func content(_ connection: Connection) throws -> [String: [String]] {
        var content: [String: [String]] = [:]
        for layout in try SchemaReader(connection).tables() where layout.role == .ordinary {
            let rows = try connection.rows("SELECT * FROM \(layout.quotedName)").map { row in
                row.map { plain($0) }.joined(separator: "|")
            }
            content[layout.name] = rows.sorted()
        }
        return content
    }

    /// Without the digits of `random()`.
    private static func plain(_ value: SQLValue) -> String {
        let text = value.string ?? "\(value)"
        return text.replacing(/~-?[0-9]*/, with: "~")
    }

    private func expectOwnDigests(_ moment: String) throws {
        let kept = try session.ledger.state() ?? StateDigest()
        let real = try StateDigest.compute(session.connection)
        let stale = Set(kept.tables.keys).union(real.tables.keys).filter { kept.tables[$0] != real.tables[$0] }
        guard stale.isEmpty else { throw Failure(description: "\(moment): digests of \(stale.sorted()) are wrong") }
    }
}
