/// A key of a YAML file: what may stand behind it, and what it means.
///
/// A class, because a check passes rules around for every key of every file.
public final class KeyRule: Sendable {
    public let name: String
    public let shape: ValueShape
    public let isRequired: Bool
    /// A key that must be there as well when this one is.
    public let companion: String?
    /// One line of the documentation.
    public let meaning: String

    public init(
        _ name: String, _ shape: ValueShape, required: Bool = false, companion: String? = nil, _ meaning: String
    ) {
        self.name = name
        self.shape = shape
        isRequired = required
        self.companion = companion
        self.meaning = meaning
    }
}
