/// The id of a restore point in git: 40 hexadecimal digits.
public struct CommitID: Hashable, Sendable, CustomStringConvertible {
    let object: ObjectID

    init(_ object: ObjectID) { self.object = object }

    /// Nil unless the text is 40 hexadecimal digits.
    public init?(_ text: String) {
        guard let object = ObjectID(hex: text) else { return nil }
        self.object = object
    }

    public var description: String { object.description }
}
