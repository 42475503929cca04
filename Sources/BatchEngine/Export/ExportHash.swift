/// A running SHA-256, handed in by whoever registers the export.
public struct ExportHash {
    let update: (ArraySlice<UInt8>) -> Void
    let finish: () -> [UInt8]

    /// - Parameters:
    ///   - update: adds bytes.
    ///   - finish: the 32 bytes of the hash; called once, last.
    public init(update: @escaping (ArraySlice<UInt8>) -> Void, finish: @escaping () -> [UInt8]) {
        self.update = update
        self.finish = finish
    }
}
