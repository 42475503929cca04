/// Finds what was probably meant by a misspelt name.
public enum Suggestion {
    /// The name nearest to `word`; nil when none is near enough to be meant.
    public static func nearest(to word: String, in names: some Sequence<String>) -> String? {
        let wanted = Array(word.lowercased().utf8.prefix(longest))
        // One letter is no hint at what was meant.
        let limit = wanted.count < 2 ? 0 : max(1, wanted.count / 3)
        var best: (name: String, distance: Int)?
        for name in names where name != word {
            let distance = distance(wanted, Array(name.lowercased().utf8.prefix(longest)))
            if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
        }
        return best?.name
    }

    /// `; did you mean 'name'?`, or nothing.
    public static func clause(for word: String, in names: some Sequence<String>) -> String {
        nearest(to: word, in: names).map { "; did you mean '\($0)'?" } ?? ""
    }

    /// The work grows with the product of the lengths, and no name that is meant is longer.
    private static let longest = 64

    /// Letters to insert, delete, replace or swap with their neighbour to get from one word to the other.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var before: [Int] = []
        var previous = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            before = previous
            previous = row
        }
        return previous[b.count]
    }
}
