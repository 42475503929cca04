import BatchCore
import BatchHistory
import BatchLedger
import Glibc
import Testing

@Suite struct GitReadingTests {
    private func twoPoints(_ work: Workplace) throws -> (CommitID, CommitID) {
        let database = try work.make(
            "a.db",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v); WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, 'value ' || i FROM n"
        )
        let first = try work.baseline(database, id: "a.1")
        try Connection(path: database).execute("UPDATE t SET v = 'other' WHERE id = 77")
        return (first, try work.baseline(database, id: "b.2"))
    }

    @Test func `a point is found by tag, batch, commit and the first digits of it`() throws {
        let work = Workplace()
        let (first, second) = try twoPoints(work)
        for name in ["batch/a.1", "a.1", first.description, String(first.description.prefix(9))] {
            #expect(try work.git.point(name).id == first)
        }
        #expect(try work.git.latest(branch: "main")?.id == second)
        #expect(try work.git.latest(branch: "other") == nil)
        #expect(try work.git.points(branch: "main").map(\.id) == [second, first])
        #expect(try work.git.point("b.2").parent == first)
        #expect(try work.git.point("b.2").message == Workplace.message("b.2"))
        #expect(work.git.present([first]) == [first])
        let absent = try #require(CommitID(String(repeating: "1", count: 40)))
        #expect(work.git.present([absent]).isEmpty)
        #expect(throws: BatchError.self) { try work.git.point("nonsense") }
    }

    @Test func `stock git reads the repository`() throws {
        let work = Workplace()
        let (first, second) = try twoPoints(work)
        #expect(work.git("fsck --strict --full").output.isEmpty)
        #expect(work.git("log --format=%s").output == "test: 3 rows changed\ntest: 3 rows changed\n")
        #expect(
            work.git("log -1 --format='%(trailers:key=Batch-Id,valueonly)%an %ae %at'").output
                == "b.2\nAnn Other ann@example.org 1795226400\n")
        let changed = work.git("diff \(first) \(second) -- tables").output.split(separator: "\n").filter {
            $0.hasPrefix("-{") || $0.hasPrefix("+{")
        }
        #expect(changed == [#"-{"id":77,"v":"value 77"}"#, #"+{"id":77,"v":"other"}"#])
        #expect(work.git("cat-file -t batch/b.2").output == "tag\n")
        #expect(Workplace.run("git clone -q '\(work.git.path)' '\(work.path("clone"))'").code == 0)
        #expect(
            Workplace.run(
                "cat '\(work.path("clone"))'/tables/t/*/*/* '\(work.path("clone"))'/tables/t/*/* 2>/dev/null | grep -c '^{'"
            ).output == "500\n")
        #expect(
            work.git(
                "blame main -- \(work.git("ls-tree -r --name-only main tables").output.split(separator: "\n").first ?? "")"
            ).code == 0)
    }

    @Test func `the same point written twice is one commit`() throws {
        let work = Workplace()
        let database = try work.make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1)")
        let commit = try work.baseline(database)
        work.git("tag -d batch/test.1")
        #expect(try work.baseline(database) == commit)
        #expect(work.git("cat-file -t batch/test.1").output == "tag\n")
        #expect(work.git("rev-list --count main").output == "1\n")
    }

    @Test func `a missing repository is no restore point`() throws {
        let work = Workplace()
        #expect(try work.git.latest(branch: "main") == nil)
        let error = #expect(throws: BatchError.self) { try work.git.point("a.1") }
        #expect(error?.code == .noRestorePoint)
    }

    @Test func `a flipped byte anywhere in a pack or index is an error and never a wrong database`() throws {
        let work = Workplace()
        let (_, commit) = try twoPoints(work)
        let good = try work.git.restore(commit, to: work.path("good.db"))
        #expect(try work.git.verify(commit) > 30)
        let packs = Workplace.run("ls '\(work.git.path)'/objects/pack/*").output.split(separator: "\n").map(String.init)
        var refusals = 0
        for pack in packs {
            let size = Int(Workplace.run("stat -c %s '\(pack)'").output.dropLast()) ?? 0
            for offset in stride(from: 3, to: size, by: max(1, size / 20)) {
                try flip(pack, at: offset)
                defer { try? flip(pack, at: offset) }
                do {
                    let rebuilt = try work.git.restore(commit, to: work.path("bad.db"))
                    #expect(rebuilt.digest == good.digest)
                    Workplace.run("rm '\(rebuilt.path)'")
                } catch {
                    refusals += 1
                    #expect(
                        [.corruptRecord, .git, .noRestorePoint, .verificationFailed].contains(error.code), "\(error)")
                }
            }
        }
        #expect(refusals > 10)
        #expect(try work.git.restore(commit, to: work.path("again.db")).digest == good.digest)
    }

    private func flip(_ path: String, at offset: Int) throws {
        chmod(path, 0o644)
        let file = open(path, O_RDWR)
        defer { close(file) }
        var byte: UInt8 = 0
        #expect(pread(file, &byte, 1, off_t(offset)) == 1)
        byte ^= 64
        #expect(pwrite(file, &byte, 1, off_t(offset)) == 1)
    }
}
