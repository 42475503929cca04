import BatchCore
import BatchHistory
import BatchLedger
import Testing

@Suite struct GitCommitTests {
    @Test(arguments: SharedData.databases)
    func `a commit of changes has the very tree of a commit of all rows`(_ original: String) throws {
        let scenario = try Scenario(original)
        let git = scenario.work.git
        _ = try git.commit(scenario.content(.all, scenario.before, id: "a.1"), connection: scenario.old)
        let changed = try git.commit(
            scenario.content(.changes(scenario.changes, before: scenario.before.digest), scenario.after, id: "b.1"),
            connection: scenario.new)
        let whole = GitStore(path: scenario.work.path("whole.git"))
        let expected = try whole.commit(scenario.content(.all, scenario.after, id: "b.1"), connection: scenario.new)
        let tree = Workplace.run("git --git-dir='\(whole.path)' rev-parse \(expected)^{tree}").output
        #expect(scenario.work.tree(of: changed) == tree)
        #expect(scenario.work.git("fsck --strict").output.isEmpty)
        let rebuilt = try git.restore(changed, to: scenario.work.path("rebuilt.db"))
        #expect(Workplace.dump(rebuilt.path) == scenario.dumps.after)
    }

    @Test(arguments: ["refs/heads/main.lock", "refs/tags/batch/b.1.lock"])
    func `the lock that a killed process left does not stop the next commit`(_ lock: String) throws {
        let work = Workplace()
        let scenario = try Scenario(
            try work.make("a.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)"), "DELETE FROM t WHERE a = 1")
        let git = scenario.work.git
        _ = try git.commit(scenario.content(.all, scenario.before, id: "a.1"), connection: scenario.old)
        Workplace.run("mkdir -p '\(git.path)/refs/tags/batch' && touch '\(git.path)/\(lock)'")
        let commit = try git.commit(
            scenario.content(.changes(scenario.changes, before: scenario.before.digest), scenario.after, id: "b.1"),
            connection: scenario.new)
        #expect(try Workplace.dump(git.restore(commit, to: scenario.work.path("r.db")).path) == scenario.dumps.after)
        #expect(scenario.work.git("tag --list batch/b.1").output == "batch/b.1\n")
    }
}
