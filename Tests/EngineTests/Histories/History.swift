import BatchCore

/// A database and what happens to it; it can be made smaller step by step.
struct History: Sendable {
    enum Event: Sendable, Hashable {
        /// One checkpoint for each list of statements.
        case batch(steps: [[SQLPiece]], snapshot: JobDefinition.SnapshotPolicy)
        /// Written by somebody who knows nothing of batches.
        case outside(SQLPiece)
        /// Of a batch, or a rollback, by its place among those that live.
        case rollback(Int, RollbackWay)
    }

    /// Nothing at all.
    static let none = History(traits: .plain)

    var traits: HistoryTraits
    var setup: [SQLPiece] = []
    var events: [Event] = []
    /// Which restore points are rebuilt in the end: every one of this many.
    var drills = 1
}

extension History: CustomStringConvertible {
    var description: String {
        var lines = traits.pragmas.map { $0 + ";" } + setup.map { $0.sql + ";" }
        if traits.enforcesForeignKeys { lines.append("-- foreign keys are enforced") }
        for (index, event) in events.enumerated() {
            switch event {
            case .batch(let steps, let snapshot):
                for (number, step) in steps.enumerated() {
                    let pieces = step.map { $0.sql + ";" }.joined(separator: " ")
                    lines.append("/* b\(index), step \(number + 1), snapshot \(snapshot) */ \(pieces)")
                }
            case .outside(let piece): lines.append("/* outside any batch */ \(piece.sql);")
            case .rollback(let place, let way): lines.append("-- roll back live batch \(place): \(way)")
            }
        }
        return lines.joined(separator: "\n")
    }
}

extension History {
    /// All histories with one thing less, the large things first.
    var smaller: [History] { fewerEvents + simplerRollbacks + fewerPieces + fewerStatements + fewerColumns }

    private func changed(_ change: (inout History) -> Void) -> History {
        var history = self
        change(&history)
        return history
    }

    private var fewerEvents: [History] {
        ranges(of: events.count).map { range in changed { $0.events.removeSubrange(range) } }
    }

    private var simplerRollbacks: [History] {
        events.indices.flatMap { index -> [History] in
            guard case .rollback(let place, let way) = events[index] else { return [] }
            return way.simpler.map { simple in changed { $0.events[index] = .rollback(place, simple) } }
        }
    }

    private var fewerPieces: [History] {
        let plain = changed {
            $0.traits.encoding = nil
            $0.traits.isWAL = false
        }
        let quiet = changed { $0.traits.enforcesForeignKeys = false }
        let traits = (plain.traits == self.traits ? [] : [plain]) + (self.traits.enforcesForeignKeys ? [quiet] : [])
        return traits + ranges(of: setup.count).map { range in changed { $0.setup.removeSubrange(range) } }
    }

    /// Halves, quarters and so on of a list, the last first; in the end single elements.
    private func ranges(of count: Int) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var size = (count + 1) / 2
        while size > 0 {
            ranges += stride(from: 0, to: count, by: size).reversed().map { $0..<min($0 + size, count) }
            size = size == 1 ? 0 : (size + 1) / 2
        }
        return ranges
    }

    private var fewerStatements: [History] {
        events.indices.flatMap { index -> [History] in
            guard case .batch(let steps, let snapshot) = events[index] else { return [] }
            return steps.indices.flatMap { step in
                steps[step].indices.map { statement in
                    var less = steps
                    less[step].remove(at: statement)
                    less.removeAll(where: \.isEmpty)
                    return changed {
                        if less.isEmpty {
                            $0.events.remove(at: index)
                        } else {
                            $0.events[index] = .batch(steps: less, snapshot: snapshot)
                        }
                    }
                }
            }
        }
    }

    private var fewerColumns: [History] {
        setup.filter { $0.form == .create }.flatMap { table in
            table.parts.compactMap(\.column).map { column in without(column: column, of: table.table) }
                + table.parts.filter { $0.column == nil }.map { part in
                    changed { history in
                        for index in history.setup.indices { history.setup[index].parts.removeAll { $0 == part } }
                    }
                }
        }
    }

    private func without(column: String, of table: String) -> History {
        changed { history in
            history.setup = history.setup.compactMap { $0.without(column: column, of: table) }
            history.events = history.events.compactMap { event in
                guard case .batch(let steps, let snapshot) = event else { return event }
                let less = steps.map { $0.compactMap { $0.without(column: column, of: table) } }.filter { !$0.isEmpty }
                return less.isEmpty ? nil : .batch(steps: less, snapshot: snapshot)
            }
        }
    }
}
