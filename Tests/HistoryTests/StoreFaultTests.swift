import BatchCore
import BatchHistory
import BatchLedger
import BatchSystem
import Glibc
import Testing

/// Whatever call to the kernel fails, by count: what was stored is still there, and the same work done again is whole.
///
/// Each attempt works on a folder of its own, until one goes through without meeting the call that fails.
@Suite(.timeLimit(.minutes(4))) struct StoreFaultTests {
    private static let kinds: [SystemCall.Kind] = [.open, .write, .sync, .rename, .read]
    private static let setup = """
        CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT UNIQUE, note);
        WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
        INSERT INTO person SELECT i, 'person ' || i, 'note ' || i FROM n
        """
    private static let change =
        "UPDATE person SET note = 'changed ' || id WHERE id % 3 = 0; DELETE FROM person WHERE id = 11"

    private func scenario(_ sql: String = StoreFaultTests.setup) throws -> Scenario {
        let work = Workplace()
        defer { withExtendedLifetime(work) {} }
        return try Scenario(try work.make("a.db", sql), StoreFaultTests.change)
    }

    /// - Parameter attempt: with the faults, and the number of the call that fails. True when it went through.
    private func failing(_ kind: SystemCall.Kind, _ attempt: (InjectedFaults) throws -> Bool) throws {
        for number in 1...500 {
            let faults = InjectedFaults([kind: [number: .code(kind == .write ? ENOSPC : EIO)]])
            let isDone = try attempt(faults)
            if isDone, faults.count(of: kind) < number {
                #expect(number > 1)
                return
            }
        }
        Issue.record("\(kind): it never ends")
    }

    /// True when the body went through. Another error than one of ours is not caught.
    private func isDone(_ faults: InjectedFaults, _ body: () throws -> Void) throws -> Bool {
        do {
            try faults.during(body)
            return true
        } catch is BatchError { return false }
    }

    private func isWhole(_ work: Workplace) -> Bool {
        work.git("fsck --strict --full 2>&1 | grep -ve dangling -e notice").output.isEmpty
    }

    @Test(arguments: kinds)
    func `a commit that fails leaves the points before it, and can be made again`(kind: SystemCall.Kind) throws {
        let scenario = try scenario()
        let work = scenario.work
        let first = try work.git.commit(scenario.content(.all, scenario.before, id: "a.1"), connection: scenario.old)
        let next = scenario.content(
            .changes(scenario.changes, before: scenario.before.digest), scenario.after, id: "b.1")
        Workplace.run("mv '\(work.git.path)' '\(work.path("kept"))'")
        try failing(kind) { faults in
            Workplace.run("rm -rf '\(work.git.path)' && cp -a '\(work.path("kept"))' '\(work.git.path)'")
            let isDone = try isDone(faults) { _ = try work.git.commit(next, connection: scenario.new) }
            var latest = try #require(try work.git.latest(branch: "main"))
            #expect(isDone ? latest.id != first : true)
            #expect(try work.git.verify(first) > 0)
            #expect(isWhole(work))
            if latest.id == first {
                _ = try work.git.commit(next, connection: scenario.new)
                latest = try #require(try work.git.latest(branch: "main"))
            }
            #expect(latest.state.digest == scenario.after.digest)
            let target = work.path("b.db")
            #expect(try Workplace.dump(work.git.restore(latest.id, to: target).path) == scenario.dumps.after)
            Workplace.run("rm -f '\(target)'*")
            return isDone
        }
    }

    @Test(arguments: kinds)
    func `an erasure of commits that fails loses no point, and is done by the next one`(kind: SystemCall.Kind) throws {
        let scenario = try scenario()
        let without = try self.scenario(StoreFaultTests.setup + "; DELETE FROM person WHERE id = 9")
        let work = scenario.work
        _ = try work.git.commit(scenario.content(.all, scenario.before, id: "a.1"), connection: scenario.old)
        _ = try work.git.commit(
            scenario.content(.changes(scenario.changes, before: scenario.before.digest), scenario.after, id: "b.1"),
            connection: scenario.new)
        Workplace.run("mv '\(work.git.path)' '\(work.path("kept"))'")
        // The ledger keeps what becomes of each commit from the moment on at which all are written.
        var map: [CommitID: CommitID] = [:]
        func erase() throws {
            let erasure = try GitErasure(work.git, table: "person")
            if map.isEmpty {
                var new: [CommitID: CommitID] = [:]
                var parent: CommitID?
                for point in try erasure.histories(branch: "main", knowing: [])[0] {
                    parent = try erasure.rewrite(point, without: [.rowid(9)], parent: parent, snapshot: nil)
                    new[point.id] = parent
                }
                map = new
            }
            try erasure.publish(map)
            try erasure.purge()
        }
        try failing(kind) { faults in
            Workplace.run("rm -rf '\(work.git.path)' && cp -a '\(work.path("kept"))' '\(work.git.path)'")
            map = [:]
            let isDone = try isDone(faults, erase)
            #expect(isWhole(work))
            if !isDone {
                for name in ["a.1", "b.1"] { #expect(try work.git.verify(work.git.point(name).id) > 0) }
                try erase()
            }
            let erasure = try GitErasure(work.git, table: "person")
            var versions = 0
            let points = try erasure.histories(branch: "main", knowing: []).flatMap(\.self)
            try erasure.rows.forEachVersion(of: [.rowid(9)], in: points) { (_, _, _) in versions += 1 }
            #expect(versions == 0 && points.count == 2)
            #expect(isWhole(work))
            let target = work.path("b.db")
            let tip = try work.git.point("b.1").id
            #expect(try Workplace.dump(work.git.restore(tip, to: target).path) == without.dumps.after)
            Workplace.run("rm -f '\(target)'*")
            return isDone
        }
    }

    /// What is written by other threads of its own is not counted here.
    @Test(arguments: [SystemCall.Kind.open, .read])
    func `a chain of bak files that fails half-way leaves no half file`(kind: SystemCall.Kind) throws {
        let scenario = try scenario()
        let store = BakStore(folder: scenario.work.path("bak"))
        func write() throws {
            let full = try store.writeFull(
                scenario.label("a.1", base: nil, time: 0), from: scenario.old, before: scenario.before)
            _ = try store.complete(
                full, with: try DifferenceSource(from: scenario.old, to: scenario.old), before: scenario.before,
                after: scenario.before, source: scenario.old)
            let (_, pending) = try store.writeDelta(
                scenario.label("b.1", base: full.name, time: 1), changes: scenario.changes, before: scenario.before,
                after: scenario.after, source: scenario.new)
            try pending.value()
        }
        try failing(kind) { faults in
            Workplace.run("rm -rf '\(store.folder)'; mkdir '\(store.folder)'")
            let isDone = try isDone(faults, write)
            let names = Workplace.run("ls -A '\(store.folder)'").output.split(separator: "\n")
            #expect(names.allSatisfy { $0.hasSuffix(".bak") }, "\(names)")
            if !isDone {
                #expect(try store.contents().damaged.isEmpty)
                Workplace.run("rm -rf '\(store.folder)'/*")
                try write()
            }
            let target = scenario.work.path("b.db")
            let rebuilt = try store.restore(batch: "b.1", database: "main", .after, to: target)
            #expect(Workplace.dump(rebuilt.path) == scenario.dumps.after)
            Workplace.run("rm -f '\(target)'*")
            return isDone
        }
    }

    @Test(arguments: [SystemCall.Kind.open, .write, .sync, .rename], [false, true])
    func `a restore that fails leaves no half file`(kind: SystemCall.Kind, isFromGit: Bool) throws {
        let scenario = try scenario()
        let (work, store) = (scenario.work, scenario.bak)
        let commit = try work.git.commit(scenario.content(.all, scenario.before, id: "a.1"), connection: scenario.old)
        let full = try store.writeFull(
            scenario.label("a.1", base: nil, time: 0), from: scenario.old, before: scenario.before)
        _ = try store.complete(
            full, with: scenario.changes, before: scenario.before, after: scenario.after, source: scenario.new)
        Workplace.run("mkdir '\(work.path("to"))'")
        let target = work.path("to/r.db")
        try failing(kind) { faults in
            let isDone = try isDone(faults) {
                if isFromGit {
                    _ = try work.git.restore(commit, to: target)
                } else {
                    _ = try store.restore(batch: "a.1", database: "main", .before, to: target)
                }
            }
            let names = Workplace.run("ls -A '\(work.path("to"))'").output
            // It may have its name already when the wait for the disk fails: then it is whole.
            #expect(names == "r.db\n" || (names.isEmpty && !isDone))
            if !names.isEmpty { #expect(Workplace.dump(target) == scenario.dumps.before) }
            Workplace.run("rm -f '\(target)'*")
            return isDone
        }
    }
}
