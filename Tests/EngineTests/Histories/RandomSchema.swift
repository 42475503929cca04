import BatchLedger
import TestSupport

/// Tables of every shape, with the columns that foreign keys may name.
struct RandomSchema {
    /// A table that others may refer to.
    struct Parent {
        let name: String
        let columns: String
        let isInteger: Bool
    }

    private(set) var pieces: [SQLPiece] = []
    private var names = RandomSchema.names

    static let names = [
        "p", "c", "w", "n", "t", "select", "we\"ird; 'na\nme", "Ähre 🦆", String(repeating: "long ", count: 40) + "name",
    ]

    /// - Parameter isConstrained: with all of `RandomConstraints`.
    init(_ random: inout SeededRandom, isConstrained: Bool) {
        var parents: [Parent] = []
        for _ in 0..<(2 + random.below(3)) {
            let name = names.remove(at: random.chance(80) ? 0 : random.below(names.count))
            var piece = RandomTable.create(name, parents, &random)
            if isConstrained { piece = RandomConstraints.extended(piece, parents, &random) }
            pieces.append(piece)
            if isConstrained, random.chance(40) { pieces.append(RandomConstraints.index(on: name, &random)) }
            if isConstrained { pieces += RandomConstraints.textIndex(on: piece, name, &random) }
            parents += RandomTable.parents(in: piece, name)
        }
        if random.chance(35) { pieces.append(RandomTable.virtual(random.pick(["f", "fx y"]), &random)) }
        if random.chance(15) { pieces.append(RandomTable.virtual("r", &random)) }
    }
}
