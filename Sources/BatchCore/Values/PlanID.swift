/// The id of a patch plan, e.g. `plan.4`.
public struct PlanID: Hashable, Sendable, CustomStringConvertible {
    public let number: Int

    public init(_ number: Int) { self.number = number }

    /// `plan.4`, or the number alone; nil for anything else.
    public init?(_ text: String) {
        let digits = text.hasPrefix("plan.") ? text.dropFirst(5) : Substring(text)
        guard digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int(digits), number > 0 else { return nil }
        self.init(number)
    }

    public var description: String { "plan.\(number)" }
}
