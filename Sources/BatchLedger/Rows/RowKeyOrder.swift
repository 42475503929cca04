public import BatchCore

extension RowKey {
    /// A number that orders and groups keys: the rowid with its sign moved, or a hash of the key values.
    public var order: UInt64 {
        switch self {
        case .rowid(let rowid): return UInt64(bitPattern: rowid) ^ (1 << 63)
        case .values(let values):
            var buffer = ByteBuffer()
            RowCodec.encode(values, into: &buffer)
            return buffer.hash64()
        }
    }
}
