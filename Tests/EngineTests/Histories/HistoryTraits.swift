import TestSupport

/// What holds for a whole history.
struct HistoryTraits: Hashable, Sendable {
    var encoding: String?
    var isWAL: Bool
    var enforcesForeignKeys: Bool
    /// Rows without an INTEGER PRIMARY KEY are inserted and found by rowid, and compared with it.
    let namesRowids: Bool
    /// Keys are left to SQLite: then what a batch does depends on how far the keys have come, which is no dependency.
    let choosesKeys: Bool
    var vacuums: Bool
    let changesSchema: Bool
    /// Others write too.
    let drifts: Bool

    static let plain = HistoryTraits()

    private init() {
        (encoding, isWAL, enforcesForeignKeys, namesRowids) = (nil, false, false, true)
        (choosesKeys, vacuums, changesSchema, drifts) = (false, false, false, false)
    }

    init(_ random: inout SeededRandom) {
        encoding = random.chance(15) ? random.pick(["UTF-16le", "UTF-16be"]) : nil
        isWAL = random.chance(20)
        enforcesForeignKeys = random.chance(75)
        namesRowids = random.chance(60)
        choosesKeys = random.chance(15)
        vacuums = !namesRowids && random.chance(50)
        changesSchema = random.chance(40)
        drifts = random.chance(12)
    }

    /// The statements that a database begins with.
    var pragmas: [String] {
        (encoding.map { ["PRAGMA encoding = '\($0)'"] } ?? []) + (isWAL ? ["PRAGMA journal_mode = WAL"] : [])
    }
}
