import BatchCore
import BatchHistory
import BatchLedger
import Testing

@Suite struct GitRestoreTests {
    @Test(arguments: SharedData.databases)
    func `a database rebuilt from one commit alone is the same database`(_ original: String) throws {
        let work = Workplace()
        let database = work.copy(original)
        let before = Workplace.dump(database)
        let commit = try work.baseline(database)
        let rebuilt = try work.git.restore(commit, to: work.path("rebuilt.db"))
        #expect(Workplace.dump(rebuilt.path) == before)
        let connection = try Connection(path: rebuilt.path)
        connection.tolerateUnknownCollations()
        let source = try Connection(path: database)
        source.tolerateUnknownCollations()
        #expect(try DatabaseState.read(connection) == DatabaseState.read(source))
        #expect(work.git("fsck --strict").code == 0)
    }
}
