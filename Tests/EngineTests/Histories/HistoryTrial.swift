import BatchCore

/// Plays histories, and finds the smallest that still fails.
enum HistoryTrial {
    /// How long to look for a smaller history.
    private static let patience = Duration.seconds(20)

    struct Failure: CustomStringConvertible {
        let seed: UInt64
        let first: HistoryFault
        let smallest: History
        let last: HistoryFault

        var description: String {
            "seed \(seed): \(first)\nsmallest:\n\(smallest)\n\(last)"
        }
    }

    /// Nil when the history of this seed is as it must be.
    static func fails(seed: UInt64) -> Failure? {
        guard let (history, fault) = failure(ofSeed: seed) else { return nil }
        let (smallest, last) = shrunk(history, fault)
        return Failure(seed: seed, first: fault, smallest: smallest, last: last)
    }

    private static func failure(ofSeed seed: UInt64) -> (History, HistoryFault)? {
        var history: History?
        do {
            var writer = try HistoryWriter(seed: seed)
            let play = try HistoryPlay(writer.history)
            for _ in 0..<writer.length {
                let event = try writer.next(on: play.model.connection)
                history = writer.history
                if let event { try play.play(event) }
            }
            try play.drill(every: writer.history.drills)
            return nil
        } catch {
            return (history ?? History.none, fault(error))
        }
    }

    /// Plays a history, and restores all of its points.
    static func failure(of history: History) -> HistoryFault? {
        do {
            let play = try HistoryPlay(history)
            for event in history.events { try play.play(event) }
            try play.drill(every: 1)
            return nil
        } catch {
            return fault(error)
        }
    }

    private static func fault(_ error: any Error) -> HistoryFault {
        if let fault = error as? HistoryFault { return fault }
        let code = (error as? BatchError)?.code.rawValue ?? ""
        return HistoryFault(.outcome, "unexpected: \(error)", detail: "error \(code)")
    }

    /// Leaves out what the failure does not need.
    private static func shrunk(_ history: History, _ fault: HistoryFault) -> (History, HistoryFault) {
        var (small, last) = (history, fault)
        let end = ContinuousClock.now + patience
        search: while true {
            for less in small.smaller {
                if ContinuousClock.now > end { break search }
                guard let found = failure(of: less), found.isLike(fault) else { continue }
                (small, last) = (less, found)
                continue search
            }
            break
        }
        return (small, last)
    }
}
