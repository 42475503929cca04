import BatchCore
import Glibc
import TestSupport
import Testing

/// Random histories rolled back in all modes, against a database on which the undone batches never ran.
///
/// `BATCHMGR_HISTORIES` says how many, `BATCHMGR_SEED` where to begin; `scripts/soak` runs them for hours.
@Suite struct ModeHistoryTests {
    /// Seeds that once failed.
    static let known: [UInt64] = []

    private static func number(_ name: String, _ usual: UInt64) -> UInt64 {
        getenv(name).flatMap { UInt64(String(cString: $0)) } ?? usual
    }

    static var seeds: [UInt64] {
        let first = number("BATCHMGR_SEED", 0)
        return known + (first..<first + number("BATCHMGR_HISTORIES", 25))
    }

    @Test(arguments: seeds) func everyModeLeavesWhatItPromises(_ seed: UInt64) throws {
        let plot = ModePlot(seed: seed)
        guard let failure = Self.failure(of: plot) else { return }
        let small = Self.shrunk(plot)
        Issue.record("seed \(seed): \(failure)\nsmallest:\n  \(small)\n\(Self.failure(of: small) ?? "")")
    }

    private static func failure(of plot: ModePlot) -> String? {
        do {
            var history = try ModeHistory(plot)
            try history.play()
            return nil
        } catch is ModeHistory.Ended {
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Leaves out what the failure does not need.
    private static func shrunk(_ plot: ModePlot) -> ModePlot {
        var small = plot
        while let less = small.smaller.first(where: { failure(of: $0) != nil }) { small = less }
        return small
    }
}
