public import BatchCore

/// Keys that somebody wants to know of when rows change: gathered in memory while the rows are recorded, so that nothing
/// has to be read for it.
public struct KeyWatch: Sendable {
    /// What counts of one table.
    public struct Table: Sendable {
        let key: [String]?
        let used: [String]?

        /// - Parameters:
        ///   - key: the columns that hold the key; nil when a change leads to no key.
        ///   - used: only changes of these count; nil for all.
        public init(key: [String]?, used: [String]?) {
            self.key = key
            self.used = used
        }
    }

    /// What was seen in a checkpoint.
    public enum Found: Sendable {
        case nothing
        case keys([[SQLValue]])
        /// Changes that lead to no key, or too many keys.
        case whole
    }

    /// More of them are no quicker than all rows.
    static let most = 50_000

    private let tables: [String: Table]?

    /// - Parameter tables: by name; nil when the change of any table counts.
    public init(tables: [String: Table]?) {
        self.tables = tables.map { Dictionary($0.map { (SQLName.folded($0.key), $0.value) }) { first, _ in first } }
    }

    /// Nil when changes of the table do not count.
    func rows(of layout: TableLayout) -> Rows? {
        guard let tables else { return Rows(key: nil, used: nil) }
        guard let table = tables[SQLName.folded(layout.name)] else {
            // What a module keeps in tables of its own is seen through the virtual table.
            return layout.ownerTable != layout.name && tables[SQLName.folded(layout.ownerTable)] != nil
                ? Rows(key: nil, used: nil) : nil
        }
        let names = layout.storedColumns.map { SQLName.folded(layout.columns[$0].name) }
        func places(_ columns: [String]?) -> [Int]? {
            guard let columns else { return nil }
            let places = columns.compactMap { names.firstIndex(of: SQLName.folded($0)) }
            return places.count == columns.count ? places : nil
        }
        return Rows(key: places(table.key), used: places(table.used))
    }

    /// The changed rows of one table.
    final class Rows {
        private let key: [Int]?
        private let used: [Int]?
        private var keys: Set<[UInt8]> = []
        private var isWhole = false

        init(key: [Int]?, used: [Int]?) {
            self.key = key
            self.used = used
        }

        func note(_ row: RowBuffer) {
            guard let key, !isWhole else {
                isWhole = true
                return
            }
            var bytes: [UInt8] = []
            for column in key { bytes.append(contentsOf: row.column(column)) }
            keys.insert(bytes)
            if keys.count > KeyWatch.most { isWhole = true }
        }

        func noteUpdate(_ images: UnsafeMutablePointer<RowImages>) {
            if let used, used.allSatisfy({ images.pointee.isEqual($0) }) { return }
            note(images.pointee.old)
            note(images.pointee.new)
        }

        func add(to found: inout Set<[UInt8]>) -> Bool {
            found.formUnion(keys)
            return !isWhole
        }

        func values(_ bytes: [UInt8]) throws(BatchError) -> [SQLValue] {
            let count = key?.count ?? 0
            return try bytes.reading { (reader) throws(BatchError) in try reader.values(count) }
        }
    }
}

extension SQLValue {
    /// A key that JSON carries as it is.
    public var isPlainKey: Bool {
        switch self {
        case .integer: true
        case .text: string?.contains("\u{FFFD}") == false && string?.contains("\u{0}") == false
        default: false
        }
    }
}

extension Gateway {
    /// What a watch of `watches` has seen in the open checkpoint. Call it when the checkpoint is sealed.
    public func found(by watch: Int) throws(BatchError) -> KeyWatch.Found {
        var keys: Set<[UInt8]> = []
        var rows: KeyWatch.Rows?
        for table in sink.tables where table.isTouched {
            guard let seen = table.watched?[watch] else { continue }
            guard seen.add(to: &keys), keys.count <= KeyWatch.most else { return .whole }
            rows = seen
        }
        guard let rows, !keys.isEmpty else { return .nothing }
        let values = try keys.map { (bytes) throws(BatchError) in try rows.values(bytes) }
        return values.allSatisfy({ $0.allSatisfy(\.isPlainKey) }) ? .keys(values) : .whole
    }
}
