/// What may stand behind a key.
public indirect enum ValueShape: Sendable {
    case text(TextRule)
    case choice([String])
    case boolean
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    /// Any scalar, also null: what it may be is decided elsewhere.
    case scalar
    /// Any scalar but null, taken as text: an argument of a program may be written as a number.
    case argument
    /// At least one element, unless `mayBeEmpty`.
    case list(ValueShape, mayBeEmpty: Bool)
    case record(KeyTable)
    /// A mapping whose keys are names of the user's choice.
    case entries(TextRule, ValueShape)
    /// A mapping with the common keys and those of exactly one alternative. `open` admits a key that no table knows
    /// as one more alternative, with these keys beside it.
    case oneOf(KeyTable, [KeyChoice], open: [KeyRule]?)
    case anything
}
