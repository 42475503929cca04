public import BatchCore

/// Hashes of unique and foreign key values. Values that SQLite takes for equal have equal hashes.
enum KeyHash {
    enum Collation {
        case binary, nocase, rtrim

        init?(_ name: String) {
            switch name.uppercased() {
            case "BINARY": self = .binary
            case "NOCASE": self = .nocase
            case "RTRIM": self = .rtrim
            default: return nil
            }
        }
    }

    /// Appends one value, given in `RowCodec` form. False for NULL: such a row is in no unique key and refers to
    /// nothing.
    @inline(__always)
    static func append(_ value: UnsafeRawBufferPointer, _ collation: Collation, to buffer: inout ByteBuffer) -> Bool {
        guard let base = value.baseAddress, let tag = value.first, tag != RowCodec.Tag.null else { return false }
        switch tag {
        case RowCodec.Tag.real:
            // 1.0 and 1 are equal for a key.
            let number = Double(
                bitPattern: UInt64(littleEndian: value.loadUnaligned(fromByteOffset: 1, as: UInt64.self)))
            if let whole = Int64(exactly: number) { buffer.appendInteger(whole) } else { buffer.appendReal(number) }
        case RowCodec.Tag.text where collation != .binary:
            appendFolded(value, collation, unit: 1, to: &buffer)
        case RowCodec.Tag.text16 where collation != .binary:
            appendFolded(value, collation, unit: 2, to: &buffer)
        default: buffer.append(base, count: value.count)
        }
        return true
    }

    /// - Parameter unit: bytes of a code unit, the low one first.
    private static func appendFolded(
        _ value: UnsafeRawBufferPointer, _ collation: Collation, unit: Int, to buffer: inout ByteBuffer
    ) {
        var reader = ByteReader(value, at: 1)
        guard let length = try? reader.count(), let text = try? reader.slice(length) else { return }
        var bytes = [UInt8](text)
        if collation == .nocase {
            for index in stride(from: 0, to: bytes.count, by: unit) where bytes[index] >= 65 && bytes[index] <= 90 {
                if unit == 1 || index + 1 < bytes.count && bytes[index + 1] == 0 { bytes[index] += 32 }
            }
        } else if unit == 1 {
            while bytes.last == 32 { bytes.removeLast() }
        } else {
            while bytes.count > 1, bytes[bytes.count - 1] == 0, bytes[bytes.count - 2] == 32 { bytes.removeLast(2) }
        }
        let tag = unit == 1 ? RowCodec.Tag.text : RowCodec.Tag.text16
        bytes.withUnsafeBytes { buffer.appendBytes(tag, $0.baseAddress, $0.count) }
    }
}

extension CapturedTable.Reference {
    /// The parent's key that a child refers to, as facts name it; nil for a reference to nothing.
    /// - Parameter isAfter: the row is the one after a change.
    func key(
        of row: RowBuffer, isAfter: Bool, _ computedKeys: ComputedKeys?, _ scratch: inout ByteBuffer
    ) -> UInt64? {
        if let columns,
            computed == nil || columns.indices.allSatisfy({ isConverted(row.column(columns[$0]), conversions[$0]) })
        {
            return key(columns.map(row.column), &scratch)
        }
        guard let computed, let values = computedKeys?.values(of: row, isAfter: isAfter) else { return nil }
        return key(computed.map(values.column), &scratch)
    }

    /// True when the parent's column would not change the value.
    private func isConverted(_ value: UnsafeRawBufferPointer, _ affinity: Column.Affinity?) -> Bool {
        guard let affinity, let tag = value.first else { return true }
        return switch affinity {
        case .none: true
        case .text: tag != RowCodec.Tag.integer && tag != RowCodec.Tag.real
        case .numeric, .real: tag != RowCodec.Tag.text && tag != RowCodec.Tag.text16
        }
    }

    private func key(_ values: [UnsafeRawBufferPointer], _ scratch: inout ByteBuffer) -> UInt64? {
        guard let collations else {
            guard let value = values.first else { return nil }
            var reader = ByteReader(value)
            switch try? reader.value() {
            case .integer(let rowid): return RowKey.rowid(rowid).order
            case .real(let number): return Int64(exactly: number).map { RowKey.rowid($0).order }
            default: return nil
            }
        }
        scratch.removeAll()
        for (value, collation) in zip(values, collations)
        where !KeyHash.append(value, collation, to: &scratch) { return nil }
        return scratch.hash64()
    }
}

extension CapturedTable.UniqueKey {
    /// The key of a row as facts name it; nil for one that the index does not cover.
    func key(
        of row: RowBuffer, isAfter: Bool, _ computedKeys: ComputedKeys?, _ scratch: inout ByteBuffer
    ) -> UInt64? {
        var row = row
        if isComputed {
            guard let values = computedKeys?.values(of: row, isAfter: isAfter) else { return nil }
            row = values
            if let condition {
                var reader = ByteReader(row.column(condition))
                guard (try? reader.value()) == .integer(1) else { return nil }
            }
        }
        scratch.removeAll()
        for (column, collation) in zip(columns, collations)
        where !KeyHash.append(row.column(column), collation, to: &scratch) { return nil }
        return scratch.hash64()
    }
}

/// What the facts of a checkpoint come to, kept beside them: a fact that is missing would hide a dependent.
extension Ledger {
    /// Call it after the last fact of a checkpoint.
    func sealFacts(of checkpoint: Int64) throws(BatchError) {
        let sums = try factSums("f.checkpoint = ?", [.integer(checkpoint)])
        let sum = sums[checkpoint] ?? (0, Digest.zero)
        try connection.run(
            "INSERT OR REPLACE INTO main.batchmgr_fact_sums VALUES(?, ?, ?)",
            [.integer(checkpoint), .integer(sum.parts), .string(sum.digest.description)])
    }

    /// Compares the facts of checkpoints with what they came to when they were written. Those of an older program have
    /// no such sum.
    /// - Parameter first: of this checkpoint and all after it.
    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when facts are missing or were changed.
    public func verifyFacts(from first: Int64 = 0, to last: Int64 = .max) throws(BatchError) {
        guard try has("batchmgr_fact_sums") else { return }
        let bounds: [SQLValue] = [.integer(first), .integer(last)]
        let found = try factSums("f.checkpoint BETWEEN ? AND ?", bounds)
        let recorded = "SELECT checkpoint, parts, digest FROM main.batchmgr_fact_sums WHERE checkpoint BETWEEN ? AND ?"
        for row in try connection.rows(recorded, bounds) {
            let checkpoint = row[0].integer ?? 0
            let sum = found[checkpoint] ?? (0, Digest.zero)
            if sum.parts == row[1].integer, sum.digest.description == row[2].string { continue }
            throw BatchError(
                .corruptLedger, "facts of checkpoint \(checkpoint) in batchmgr_facts are missing or were changed",
                hint:
                    "without them it is not known what depends on a batch; rebuild a state: \(command: "restore --point POINT --to FILE")"
            )
        }
    }

    private func factSums(
        _ condition: String, _ parameters: [SQLValue]
    ) throws(BatchError) -> [Int64: (parts: Int64, digest: Digest)] {
        let statement = try connection.cached(
            """
            SELECT f.checkpoint, r.kind, r.table_name, r.columns, f.side, f.part, f.low, f.high, f.count, f.keys \
            FROM main.batchmgr_facts f LEFT JOIN main.batchmgr_relations r ON r.id = f.relation WHERE \(condition)
            """)
        defer { statement.reset() }
        try statement.bind(parameters)
        var sums: [Int64: (parts: Int64, digest: Digest)] = [:]
        var buffer = ByteBuffer()
        while try statement.step() {
            buffer.removeAll()
            statement.encodeColumns(1..<10, isUTF16: false, into: &buffer)
            var sum = sums[statement.value(0).integer ?? 0] ?? (0, Digest.zero)
            sum.parts += 1
            sum.digest += buffer.digest()
            sums[statement.value(0).integer ?? 0] = sum
        }
        return sums
    }
}
