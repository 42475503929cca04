/// A reference that is to point somewhere else.
struct ReferenceMove: Sendable {
    let name: String
    let target: ObjectID
    /// Where it must point before; nil for a new one.
    let from: ObjectID?
    /// A new one replaces whatever bears its name.
    let isForced: Bool
}
