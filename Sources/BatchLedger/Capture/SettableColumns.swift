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
struct SettablePositions {
    /// Positions among the stored columns, ascending.
    private(set) var list: UnsafeMutablePointer<Int>
    private(set) var count = 0
    /// Whether a unique or foreign key may change.
    private(set) var touchesKeys = true
    private let columns: Int
    private var statement = -1
    private var mask: UInt64?

    init(columns: Int) {
        self.columns = columns
        list = .allocate(capacity: max(1, columns))
        useAll()
    }

    /// For changes that no statement of ours makes: a module writes into a value. The next statement is asked anew.
    mutating func useAll() {
        for position in 0..<columns { list[position] = position }
        count = columns
        touchesKeys = true
        statement = -1
        mask = nil
    }

    func contains(_ position: Int) -> Bool { UnsafeBufferPointer(start: list, count: count).contains(position) }

    func deallocate() { list.deallocate() }

    /// - Parameter statement: counts statements; the answer holds for one of them.
    @inline(__always)
    mutating func prepare(_ columns: SettableColumns, statement: Int, _ table: CapturedTable) {
        if self.statement == statement { return }
        work(out: columns, statement, table)
    }

    private mutating func work(out settable: SettableColumns, _ statement: Int, _ table: CapturedTable) {
        switch settable {
        case .all:
            self.statement = statement
            mask = nil
            take(table) { _ in true }
        case .named(let tables):
            self.statement = statement
            mask = nil
            let names = tables[table.layout.name.lowercased()]
            let stored = table.layout.storedColumns
            take(table) { names?.contains(table.layout.columns[stored[$0]].name.lowercased()) ?? true }
        case .mask(let bytes):
            self.statement = -1
            // Entries of an undo log mostly change the same columns one after another.
            let word = bytes.count <= 8 ? bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } : nil
            if let word, word == mask { return }
            mask = word
            take(table) { bytes[$0 / 8] & (1 << UInt8($0 % 8)) != 0 }
        }
    }

    private mutating func take(_ table: CapturedTable, _ isSettable: (Int) -> Bool) {
        count = 0
        for position in 0..<columns where table.columns[position].isRowid || isSettable(position) {
            list[count] = position
            count += 1
        }
        let settable = Set(UnsafeBufferPointer(start: list, count: count))
        touchesKeys =
            table.computed != nil || table.uniqueKeys.contains { !settable.isDisjoint(with: $0.columns) }
            || table.references.contains { !settable.isDisjoint(with: $0.columns ?? []) }
    }
}
