import BatchCore
import BatchLedger

/// What the users of a database see in it: the schema, and the rows of each table with how often each is there.
struct Content: Equatable {
    typealias Rows = [[SQLValue]: Int]

    private(set) var tables: [String: Rows] = [:]

    static let none = Content()

    private init() {}

    /// - Parameter rowids: false to leave those out that VACUUM may change.
    init(_ image: DatabaseImage, rowids: Bool) {
        for object in image.objects where !object.name.hasPrefix("sqlite_") {
            add(
                [.string(object.type), .string(object.name), .string(object.tableName), .string(object.sql ?? "")], 1,
                to: "(schema)")
        }
        for (number, setting) in image.settings.enumerated().dropFirst() {
            add([.integer(Int64(number)), setting], 1, to: "(settings)")
        }
        for table in image.tables where table.kind == .ordinary || table.kind == .virtual {
            for row in table.rows {
                let kept = table.hasFreeRowid && !rowids ? [SQLValue.null] + row.dropFirst() : row
                add(kept.map(Content.withoutChance), 1, to: table.name)
            }
        }
    }

    private mutating func add(_ row: [SQLValue], _ count: Int, to table: String) {
        let sum = tables[table, default: [:]][row, default: 0] + count
        tables[table, default: [:]][row] = sum == 0 ? nil : sum
        if tables[table]?.isEmpty == true { tables[table] = nil }
    }

    static func - (one: Content, two: Content) -> Content { one.adding(two, -1) }

    static func + (one: Content, two: Content) -> Content { one.adding(two, 1) }

    private func adding(_ other: Content, _ sign: Int) -> Content {
        var sum = self
        for (table, rows) in other.tables { for (row, count) in rows { sum.add(row, sign * count, to: table) } }
        return sum
    }

    /// What was taken away by a batch's undo and by somebody else before is gone once.
    var withoutDebts: Content {
        var content = self
        content.tables = tables.mapValues { $0.filter { $0.value > 0 } }.filter { !$0.value.isEmpty }
        return content
    }

    /// What is here and not expected, and the other way round; nil when all is as expected.
    func difference(from expected: Content) -> String? {
        let difference = self - expected
        if difference.tables.isEmpty { return nil }
        return difference.tables.sorted { $0.key < $1.key }.map { table, rows in
            let lines = rows.map { row, count in "\(count > 0 ? "unexpected" : "missing") \(Content.text([row]))" }
            return "\(table.prefix(40)): \(lines.sorted().joined(separator: ", "))"
        }.joined(separator: "\n")
    }

    /// The full-text indexes that find fewer rows here than expected, where nothing else differs; nil otherwise.
    func indexesFindingLess(than expected: Content) -> [String]? {
        let difference = self - expected
        let suffix = " index"
        guard difference.tables.allSatisfy({ $0.key.hasSuffix(suffix) && $0.value.values.allSatisfy { $0 < 0 } }) else {
            return nil
        }
        return difference.tables.keys.map { String($0.dropLast(suffix.count)) }
    }

    // MARK: Values

    /// Chance and time, which `~` marks, differ from run to run.
    private static func withoutChance(_ value: SQLValue) -> SQLValue {
        guard let text = value.string, text.utf8.contains(UInt8(ascii: "~")) else { return value }
        return .string(text.replacing(/~-?[0-9]*/, with: "~"))
    }

    static func text(_ rows: [[SQLValue]]) -> String {
        rows.map { row in "(" + row.map(text).joined(separator: ", ") + ")" }.joined(separator: " ")
    }

    private static func text(_ value: SQLValue) -> String {
        switch value {
        case .null: "NULL"
        case .integer(let number): "\(number)"
        case .real(let number): "\(number)"
        case .text, .text16: SQLName.literal(String((value.string ?? "").prefix(60)))
        case .blob(let bytes): "x'\(Hex.string(bytes.prefix(30)))'"
        }
    }
}
