import BatchCore
import Glibc
import TestSupport
import Testing

/// Random histories over random schemas: what is rolled back is as if it had never run, whatever the mode, and each
/// restore point comes back from both copies.
///
/// `BATCHMGR_HISTORIES` says how many, `BATCHMGR_SEED` where to begin; `scripts/soak` plays them for hours.
@Suite struct HistoryTests {
    /// Seeds that once failed.
    static let known: [UInt64] = [
        500, 603, 10_059, 10_104, 10_185, 10_236, 10_239, 10_267, 10_322, 10_350, 10_365, 10_496, 10_641, 10_995,
        20_011, 20_065, 20_154, 20_305, 20_526, 200_753,
        200_961, 201_114, 201_472, 220_175, 220_885, 221_346, 221_383, 221_750, 221_972, 230_505,
    ]

    /// Seeds that one test case plays.
    struct Part: Sendable, CustomStringConvertible {
        let seeds: [UInt64]
        var description: String { "seeds \(seeds.first ?? 0) to \(seeds.last ?? 0)" }
    }

    private static func number(_ name: String, _ usual: UInt64) -> UInt64 {
        getenv(name).flatMap { UInt64(String(cString: $0)) } ?? usual
    }

    static var parts: [Part] {
        let first = number("BATCHMGR_SEED", 0)
        let count = number("BATCHMGR_HISTORIES", 340)
        let seeds = Array(first..<first + count) + (first == 0 ? constrained(count / 8) : [])
        let parts = stride(from: 0, to: seeds.count, by: 50).map { start in
            Part(seeds: Array(seeds[start..<min(start + 50, seeds.count)]))
        }
        return (known.isEmpty ? [] : [Part(seeds: known)]) + parts
    }

    private static func constrained(_ count: UInt64) -> [UInt64] {
        (0..<count).map { RandomConstraints.firstSeed + $0 }
    }

    @Test(arguments: parts) func everyHistoryCanBeUndoneExactly(_ part: Part) {
        for seed in part.seeds {
            guard let failure = HistoryTrial.fails(seed: seed) else { continue }
            Issue.record("\(failure)")
        }
    }
}
