/// A step kind that the workspace adds: a program that speaks JSON on its standard input and output.
public struct PluginDefinition: Hashable, Sendable {
    public var name: String
    /// Absolute.
    public var path: String

    public init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}
