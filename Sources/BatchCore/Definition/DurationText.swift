/// Spans of time as people write them: `500ms`, `90s`, `15m`, `2h`, `7d`. Command line and catalog read them alike.
extension Duration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// Nil when the text is not a whole number above zero, of at most nine digits, with a unit directly behind it.
    public init?(text: String) {
        let digits = text.utf8.prefix { $0 >= 48 && $0 <= 57 }
        guard let first = digits.first, first != 48, digits.count <= 9, let count = Int64(Substring(digits)) else {
            return nil
        }
        let name = String(text.utf8.dropFirst(digits.count)) ?? ""
        guard let unit = Duration.units.first(where: { $0.name == name }) else { return nil }
        self = .milliseconds(count * unit.milliseconds)
    }

    /// In the largest unit that says it exactly; `init(text:)` reads it back.
    public var text: String {
        let total = wholeMilliseconds
        let unit = Duration.units.last { total != 0 && total % $0.milliseconds == 0 } ?? Duration.units[0]
        return "\(total / unit.milliseconds)\(unit.name)"
    }

    /// Rounded down.
    public var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
