import BatchCatalog
import BatchCore
import BatchEngine
import BatchLedger
import BatchSystem
import TestSupport
import Testing

/// While the copies of a restore point are written, programs that wait for nothing can write to a WAL database. In
/// rollback-journal mode they can do so while whole copies are made, and all rows are written to git.
@Suite struct PointBesideWritersTests {
    /// What a program met that wrote at each place.
    private final class Writer: @unchecked Sendable {
        let connection: Connection
        var places: Set<String>
        /// Not only the first time at each place.
        var goesOn = true
        var met: [String: [ErrorCode?]] = [:]

        init(_ path: String, _ places: Set<String>) throws {
            connection = try Connection(path: path, busyTimeout: 0)
            self.places = places
        }

        func write(_ place: String) {
            guard places.contains(place) else { return }
            if !goesOn { places.remove(place) }
            do throws(BatchError) {
                try connection.run("INSERT INTO log VALUES(?)", [.string(place)])
                met[place, default: []].append(nil)
            } catch { met[place, default: []].append(error.code) }
        }
    }

    private func with(_ journal: String, _ places: Set<String>, _ body: (Session, Writer) throws -> Void) throws {
        let folder = TemporaryFolder()
        let path = folder.file("app.db")
        let made = try Connection(path: path, mode: .create)
        try made.execute(
            "PRAGMA journal_mode = \(journal); CREATE TABLE log(a); CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
        try made.execute("INSERT INTO t SELECT value, 'x' FROM json_each('[1, 2, 3, 4, 5, 6, 7, 8]')")
        let writer = try Writer(path, places)
        var context = Context.system()
        context.reach = { writer.write($0) }
        try body(try Session(.adHoc(database: path), context: context), writer)
    }

    private func run(_ session: Session, _ id: String, _ sql: String) throws {
        let text = try JobDefinition.adHoc(id: id, sql: [sql], StepRegistry.builtIn.rules()).text
        _ = try Runner(session).run(try JobDefinition.parse(text: text, file: id), ParameterValues([]))
    }

    /// Who writes all the time waits at last: else there would be no state to begin from.
    @Test(arguments: [false, true]) func theCopiesOfAWALDatabaseKeepNobodyWaiting(goesOn: Bool) throws {
        let places: Set = ["point-reading", "bak-written", "commit-written"]
        try with("wal", places) { session, writer in
            writer.goesOn = goesOn
            try run(session, "a", "UPDATE t SET v = 'a' WHERE id < 4")
            try run(session, "b", "UPDATE t SET v = 'b' WHERE id < 3")
            #expect(Set(writer.met.keys) == places)
            #expect(writer.met.values.allSatisfy { $0.first == .some(nil) }, "\(writer.met)")
            #expect(writer.met.values.joined().contains { $0 != nil } == goesOn, "\(writer.met)")
            for id in ["a", "b"] {
                let drill = try Drill(session).perform(try PointReference("\(id).1"))
                #expect(drill.isOK, "\(drill.checks)")
            }
            #expect(try session.connection.value("SELECT group_concat(v) FROM t")?.string == "b,b,a,x,x,x,x,x")
        }
    }

    @Test func theFirstPointOfADatabaseInRollbackJournalModeKeepsNobodyWaiting() throws {
        try with("delete", ["point-copied", "copied-early"]) { session, writer in
            writer.goesOn = false
            try run(session, "a", "UPDATE t SET v = 'a' WHERE id < 4")
            #expect(writer.met == ["point-copied": [nil], "copied-early": [nil]])
            #expect(try session.connection.value("SELECT count(*) FROM log")?.integer == 2)
            for point in ["a.1", "a.1^"] {
                let drill = try Drill(session).perform(try PointReference(point))
                #expect(drill.isOK, "\(drill.checks)")
            }
            #expect(try session.verify().checks.allSatisfy { $0.code == nil })
        }
    }

    /// Somebody who writes while the whole copy is made makes it useless: it is made again, at last under the lock, and what
    /// was written is drift.
    @Test(arguments: ["wal", "delete"]) func aWholeCopyIsOfOneState(_ journal: String) throws {
        try with(journal, ["copied-early"]) { session, writer in
            try run(session, "a", "UPDATE t SET v = 'a' WHERE id < 4")
            #expect(writer.met["copied-early"] == [nil, nil])
            let drill = try Drill(session).perform(try PointReference("a.1"))
            #expect(drill.isOK, "\(drill.checks)")
            #expect(try session.connection.value("SELECT count(*) FROM log")?.integer == 2)
            let copies = try Folder.names(in: session.backups).filter { $0.hasPrefix("batch_a.1_") }
            #expect(copies.count == 1, "\(copies)")
        }
    }
}
