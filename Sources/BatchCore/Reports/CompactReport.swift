/// `history compact`
public struct CompactReport: Report {
    /// Packs before and after.
    public let packs: (before: Int, after: Int)
    public let objects: Int
    /// Of all packs, before and after.
    public let bytes: (before: Int64, after: Int64)
    /// Milliseconds.
    public let duration: Double

    public init(packs: (before: Int, after: Int), objects: Int, bytes: (before: Int64, after: Int64), duration: Double)
    {
        self.packs = packs
        self.objects = objects
        self.bytes = bytes
        self.duration = duration
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("packs_before", JSONValue(packs.before)), .init("packs_after", JSONValue(packs.after)),
            .init("objects", JSONValue(objects)), .init("bytes_before", .integer(bytes.before)),
            .init("bytes_after", .integer(bytes.after)), .init("duration_ms", .number(duration)),
        ]
    }
}
