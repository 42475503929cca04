internal import BatchCore

/// How far a plugin says it is.
public struct PluginProgress: Sendable, Equatable {
    public let done: Int64
    /// Nil when the plugin does not know.
    public let total: Int64?
    public let text: String?

    /// Nil when the object is not a progress: it needs a `done` of 0 or more.
    init?(_ document: JSONValue) {
        guard let done = document["done"]?.integer, done >= 0 else { return nil }
        self.done = done
        total = document["total"]?.integer.flatMap { $0 >= 0 ? $0 : nil }
        text = document["text"]?.string.map { PlainText.oneLine($0) }
    }
}
