/// Which columns the running statement may set. Values of all others are the same before and after an UPDATE, and
/// asking SQLite for them costs more than the rest of capture: it copies every text.
enum SettableColumns {
    case all
    /// By lower-case names of tables and columns, as the compiler told of the statement, its triggers and its foreign
    /// key actions. A table that is missing here is written by a module, and all of its columns may change.
    case named([String: Set<String>])
    /// One bit for each stored column of the one table that an undo statement updates.
    case mask(UnsafeRawBufferPointer)
}

/// The answer for one table, worked out once for a statement.
struct ColumnSwitches {
    private let flags: UnsafeMutablePointer<Bool>
    private let count: Int
    private var statement = -1
    private var mask: UInt64?

    init(count: Int) {
        self.count = count
        flags = .allocate(capacity: max(1, count))
        flags.initialize(repeating: true, count: max(1, count))
    }

    func deallocate() { flags.deallocate() }

    @inline(__always)
    subscript(position: Int) -> Bool { flags[position] }

    /// - Parameter statement: counts statements; the flags hold for one of them.
    @inline(__always)
    mutating func prepare(_ columns: SettableColumns, statement: Int, _ track: TableTrack) {
        if self.statement == statement { return }
        if case .mask(let bytes) = columns { return take(bytes) }
        set(columns, statement, track)
    }

    private mutating func set(_ columns: SettableColumns, _ statement: Int, _ track: TableTrack) {
        self.statement = statement
        mask = nil
        var names: Set<String>?
        if case .named(let tables) = columns { names = tables[track.layout.name.lowercased()] }
        for (position, column) in track.layout.storedColumns.enumerated() {
            flags[position] = names?.contains(track.layout.columns[column].name.lowercased()) ?? true
        }
    }

    /// Entries of an undo log mostly change the same columns one after another.
    private mutating func take(_ bytes: UnsafeRawBufferPointer) {
        statement = -1
        guard bytes.count <= 8 else {
            mask = nil
            for position in 0..<count { flags[position] = bytes[position / 8] & (1 << UInt8(position % 8)) != 0 }
            return
        }
        var word: UInt64 = 0
        for (index, byte) in bytes.enumerated() { word |= UInt64(byte) << UInt64(8 * index) }
        if mask == word { return }
        mask = word
        for position in 0..<count { flags[position] = word & (1 << UInt64(position)) != 0 }
    }
}
