import BatchCore
import BatchHistory
import Glibc
import Testing

@Suite(.timeLimit(.minutes(2))) struct RefsTests {
    private func repository(_ work: Workplace) throws -> (GitRepository, ObjectID) {
        let commit = try work.baseline(try work.make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1)"))
        return (try GitRepository(opening: work.git.path), commit.object)
    }

    private func lock(_ work: Workplace, _ name: String, age: Int = 60) {
        Workplace.run("touch -d '\(age) seconds ago' '\(work.git.path)/\(name).lock'")
    }

    @Test func `loose and packed references are listed, each once`() throws {
        let work = Workplace()
        let (repository, commit) = try repository(work)
        work.git("tag plain \(commit)")
        work.git("pack-refs --all")
        work.git("tag later \(commit)")
        work.git("tag -f plain \(commit)")
        #expect(try repository.refs.names(below: "refs/tags/") == ["batch/test.1", "later", "plain"])
        #expect(try repository.refs.names(below: Refs.branch("")) == ["main"])
        #expect(try repository.refs.target(Refs.tag("plain")) == commit)
        #expect(try repository.refs.target(Refs.tag("absent")) == nil)
        #expect(try repository.refs.target("a..b") == nil)
    }

    @Test func `a reference that cannot be read is an error and not absent`() throws {
        let work = Workplace()
        let (repository, _) = try repository(work)
        Workplace.run("echo nonsense > '\(work.git.path)/refs/tags/broken'; mkdir '\(work.git.path)/refs/tags/folder'")
        #expect(try repository.refs.names(below: "refs/tags/").contains("broken"))
        #expect(throws: BatchError.self) { try repository.refs.target(Refs.tag("broken")) }
    }

    @Test func `the lock of a killed process is taken away, and what it locked is moved`() throws {
        let work = Workplace()
        let (repository, commit) = try repository(work)
        lock(work, "refs/heads/main")
        lock(work, "refs/tags/fresh")
        let main = Refs.branch("main")
        try repository.refs.move(.init(name: main, target: commit, before: .exactly(commit)))
        try repository.refs.move(.init(name: Refs.tag("fresh"), target: commit, before: .nothing))
        #expect(try repository.refs.target(Refs.tag("fresh")) == commit)
        #expect(Workplace.run("find '\(work.git.path)' -name '*.lock'").output.isEmpty)
    }

    @Test func `a lock that somebody has open is respected, and no other lock is touched`() throws {
        let work = Workplace()
        let (repository, commit) = try repository(work)
        lock(work, "refs/heads/main")
        lock(work, "refs/heads/other")
        let holder = open("\(work.git.path)/refs/heads/main.lock", O_RDWR)
        defer { close(holder) }
        let error = #expect(throws: BatchError.self) {
            try repository.refs.move(.init(name: Refs.branch("main"), target: commit, before: .exactly(commit)))
        }
        #expect(error?.code == .busy)
        #expect(Workplace.run("find '\(work.git.path)' -name '*.lock' | wc -l").output == "2\n")
    }

    @Test func `a reference that somebody moved meanwhile is not overwritten`() throws {
        let work = Workplace()
        let (repository, first) = try repository(work)
        work.git("-c user.name=x -c user.email=x@x commit-tree \(first)^{tree} -m other > '\(work.path("id"))'")
        let other = Workplace.run("cat '\(work.path("id"))'").output.prefix(40)
        work.git("update-ref refs/heads/main \(other)")
        let error = #expect(throws: BatchError.self) {
            try repository.refs.move(.init(name: Refs.branch("main"), target: first, before: .exactly(first)))
        }
        #expect(error?.code == .busy)
        #expect(try repository.refs.target(Refs.branch("main"))?.description == String(other))
        let exists = #expect(throws: BatchError.self) {
            try repository.refs.move(.init(name: Refs.branch("main"), target: first, before: .nothing))
        }
        #expect(exists != nil)
    }
}
