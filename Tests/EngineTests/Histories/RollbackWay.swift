import BatchCore
import TestSupport

/// How a batch is rolled back.
struct RollbackWay: Hashable, Sendable, CustomStringConvertible {
    var mode: RollbackMode
    var readers: RollbackRequest.ReaderPolicy = .show
    var onConflict: RollbackRequest.ConflictPolicy = .abort
    var source: RollbackRequest.Source?
    /// How many of its checkpoints to leave, of those that can be; nil to undo the whole batch.
    var keeps: Int?
    var isDryRun = false

    /// All that depends on it, readers too.
    init(_ mode: RollbackMode) {
        self.mode = mode
        readers = .include
    }

    init(_ traits: HistoryTraits, _ random: inout SeededRandom) {
        let modes: [(RollbackMode, RollbackRequest.ReaderPolicy)] = [
            (.restrict, .show), (.restrict, .include), (.cascade, .show), (.cascade, .include), (.cascade, .include),
            (.cascade, .prove), (.replay, .include), (.replay, .include), (.replay, .prove), (.unconflicted, .show),
        ]
        (mode, readers) = random.pick(modes)
        if mode == .unconflicted { onConflict = .keep }
        if mode == .cascade, traits.drifts { onConflict = random.pick(RollbackRequest.ConflictPolicy.allCases) }
        source = random.chance(35) ? random.pick(RollbackRequest.Source.allCases) : nil
        keeps = random.chance(20) ? random.below(3) : nil
        isDryRun = random.chance(6)
    }

    var description: String {
        var words = ["--mode \(mode)"]
        if readers != .show { words.append("--\(readers)-reads") }
        if onConflict != .abort { words.append("--on-conflict \(onConflict)") }
        if let source { words.append("--source \(source)") }
        if let keeps { words.append("--to (the first but \(keeps))") }
        if isDryRun { words.append("--dry-run") }
        return words.joined(separator: " ")
    }

    var simpler: [RollbackWay] {
        var ways: [RollbackWay] = []
        func add(_ change: (inout RollbackWay) -> Void) {
            var way = self
            change(&way)
            if way != self { ways.append(way) }
        }
        add { $0.source = nil }
        add { $0.keeps = nil }
        add { $0.isDryRun = false }
        if mode != .unconflicted {
            add { $0.onConflict = .abort }
            add { $0.mode = .cascade }
            add { $0.readers = .show }
        }
        return ways
    }
}
