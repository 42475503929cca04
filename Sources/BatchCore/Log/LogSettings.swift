/// `log:` of `batchmgr.yaml`
public struct LogSettings: Hashable, Sendable {
    /// Lines below it are not written.
    public var level: LogLevel = .info
    /// Bytes that a file may have before the next one is begun.
    public var maxSize: Int = 10 << 20
    /// How many older files are kept.
    public var keep: Int = 5

    public init() {}
}
