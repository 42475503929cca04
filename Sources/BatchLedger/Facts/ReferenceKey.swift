internal import BatchCore

extension CapturedReference {
    /// The parent's key that a child refers to, as facts name it; nil for a reference to nothing.
    /// - Parameter values: of the child's columns, in `RowCodec` form.
    func key(of values: [UnsafeRawBufferPointer], _ scratch: inout ByteBuffer) -> UInt64? {
        guard let collations else {
            guard let value = values.first else { return nil }
            var reader = ByteReader(value)
            guard let read = try? reader.value() else { return nil }
            guard case .integer(let rowid) = conversions[0].map({ $0.convert(read) }) ?? read else { return nil }
            return RowKey.rowid(rowid).order
        }
        scratch.removeAll()
        for (position, value) in values.enumerated() {
            if let affinity = conversions[position] {
                guard KeyHash.append(value, affinity, collations[position], to: &scratch) else { return nil }
            } else if !KeyHash.append(value, collations[position], to: &scratch) {
                return nil
            }
        }
        return scratch.hash64()
    }
}

extension KeyHash {
    /// Appends a value as a column of `affinity` compares it.
    static func append(
        _ value: UnsafeRawBufferPointer, _ affinity: Column.Affinity, _ collation: Collation,
        to buffer: inout ByteBuffer
    ) -> Bool {
        var reader = ByteReader(value)
        guard let read = try? reader.value() else { return false }
        var converted = ByteBuffer()
        RowCodec.encode(affinity.convert(read), into: &converted)
        return withExtendedLifetime(converted) { append(converted.bytes, collation, to: &buffer) }
    }
}
