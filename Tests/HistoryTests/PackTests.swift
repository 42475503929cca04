import BatchCore
import BatchHistory
import BatchLedger
import Testing

@Suite(.timeLimit(.minutes(2))) struct PackTests {
    @Test func `many small packs become few, and nothing is lost`() throws {
        let work = Workplace()
        let database = try work.make(
            "a.db",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, v); WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i, hex(randomblob(20)) FROM n"
        )
        var commits = [try work.baseline(database, id: "a.0")]
        for number in 1...120 {
            try Connection(path: database).execute("UPDATE t SET v = hex(randomblob(20)) WHERE id = \(number)")
            commits.append(try work.baseline(database, id: "a.\(number)"))
        }
        let packs = try PackFile.names(in: work.git.path + "/objects/pack")
        #expect(packs.count < 60)
        #expect(work.git("fsck --strict --full").output.isEmpty)
        #expect(work.git("rev-list --count main").output == "121\n")
        for commit in [commits[0], commits[60], commits[120]] { #expect(try work.git.verify(commit) > 100) }
    }

    /// Larger than one write, and in the middle of small ones.
    @Test(arguments: [1 << 20, 4 << 20, (4 << 20) + 1, 9 << 20])
    func `objects of any size lie in a pack as stock git expects them`(size: Int) throws {
        let work = Workplace()
        try GitRepository.create(work.git.path, branch: "main")
        let repository = try GitRepository(opening: work.git.path)
        let writer = PackWriter(folder: repository.packFolder) { _ in false }
        var random = UInt64(size)
        let large = (0..<size).map { _ -> UInt8 in
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: random >> 56)
        }
        let contents = [Array("small".utf8), large, [UInt8](repeating: 7, count: size), Array("last".utf8), []]
        var ids: [ObjectID] = []
        for content in contents { ids.append(try writer.add(.blob, content)) }
        try writer.finish()
        let reader = try GitRepository(opening: work.git.path)
        for (id, content) in zip(ids, contents) { #expect(try reader.read(id, .blob) == content) }
        #expect(work.git("fsck --strict --full 2>&1 | grep -ve dangling -e notice").output.isEmpty)
        for pack in try PackFile.names(in: reader.packFolder) {
            #expect(work.git("verify-pack '\(pack).idx'").code == 0)
        }
    }
}

/// The tree of a table against a dictionary.
@Suite(.timeLimit(.minutes(2))) struct ShardTreeTests {
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 33)
        }
    }

    /// How the ids of rows are made.
    enum Keys: String, CaseIterable { case dense, sparse, interleaved, negative }

    private func id(_ keys: Keys, _ random: inout Random) -> Int64 {
        let number = Int64(random.next() % 3_000)
        switch keys {
        case .dense: return number
        case .sparse: return Int64(bitPattern: random.next()) >> Int64(random.next() % 40)
        case .interleaved: return number * 1_000_003 + number % 2
        case .negative: return -number * 17
        }
    }

    @Test(arguments: Keys.allCases, [1, 2, 3])
    func `changed row by row, a tree is the one that its rows make`(keys: Keys, seed: Int) throws {
        let work = Workplace()
        var random = Random(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15)
        var rows: [Int64: String] = [:]
        var database = try work.make("0.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
        _ = try work.baseline(database, id: "a.0")
        for step in 1...8 {
            let path = work.copy(database, as: "\(step).db")
            let (old, new) = (try Connection(path: database), try Connection(path: path))
            try new.execute("BEGIN")
            for _ in 0..<Int(random.next() % 400) {
                let id = rows.count > 1_500 || random.next() % 3 == 0 ? rows.keys.randomElement(using: &random) : nil
                if let id, random.next() % 2 == 0 {
                    rows[id] = nil
                    try new.run("DELETE FROM t WHERE id = ?", [.integer(id)])
                } else {
                    let id = id ?? self.id(keys, &random)
                    rows[id] = "\(random.next())"
                    try new.run("INSERT OR REPLACE INTO t VALUES(?, ?)", [.integer(id), .string(rows[id] ?? "")])
                }
            }
            if step == 6 {
                rows = rows.filter { $0.key % 50 == 0 }
                try new.execute("DELETE FROM t WHERE id % 50 <> 0")
            }
            try new.execute("COMMIT")
            let states = (try DatabaseState.read(old), try DatabaseState.read(new))
            let changes = try DifferenceSource(from: old, to: new)
            let changed = try work.git.commit(
                PointContent(
                    branch: "main", tag: nil, message: Workplace.message("a.\(step)"), state: states.1,
                    rows: .changes(changes, before: states.0.digest), tenantColumn: nil), connection: new)
            // The tree depends on the rows alone and not on how they came.
            let whole = try work.baseline(path, branch: "whole\(step)", id: "w.\(step)")
            #expect(work.tree(of: changed) == work.tree(of: whole), "step \(step)")
            let count = work.git("ls-tree -r --name-only \(changed) tables | wc -l").output
            #expect(Int(count.dropLast()) ?? 0 <= max(2, rows.count))
            database = path
        }
        let point = try #require(try work.git.latest(branch: "main"))
        let rebuilt = try work.git.restore(point.id, to: work.path("r.db"))
        #expect(
            Workplace.run("sqlite3 '\(rebuilt.path)' 'SELECT count(*) FROM t'").output == "\(rows.count)\n")
    }
}
