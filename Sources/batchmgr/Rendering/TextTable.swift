public import BatchCore
internal import BatchEngine

/// Columns that stand under each other.
public struct TextTable {
    public enum Alignment: Sendable {
        case left
        case right
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    public init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

    public mutating func append(_ cells: [String]) { rows.append(cells) }

    /// Titles, then rows; no space at the end of a line.
    public func text(_ style: Style) -> String {
        let titles = columns.map(\.title)
        let widths = columns.indices.map { column in
            ([titles] + rows).map { TextTable.width($0[column]) }.max() ?? 0
        }
        let lines = [style.strong(line(titles, widths))] + rows.map { line($0, widths) }
        return lines.map { $0 + "\n" }.joined()
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (column, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[column] - TextTable.width(cell))
            let isLast = column == cells.count - 1
            text += columns[column].alignment == .right ? padding + cell : isLast ? cell : cell + padding
            if !isLast { text += "  " }
        }
        return text
    }

    /// Columns a terminal uses: wide letters take two, and colour none.
    static func width(_ text: String) -> Int {
        var width = 0
        var isEscape = false
        for character in text {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape { width += character.unicodeScalars.first.map { isWide($0) ? 2 : 1 } ?? 0 }
            if isEscape, character == "m" { isEscape = false }
        }
        return width
    }

    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}

/// Numbers as people read them.
public enum Figures {
    /// `1,234,567`
    public static func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// `1 row`, `2 rows`
    public static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
        "\(grouped(number)) \(number == 1 ? noun : plural ?? noun + "s")"
    }

    /// `812 bytes`, `1.4 MB`: powers of 1,000, as disks are sold.
    public static func bytes(_ number: Int) -> String {
        var value = Double(number)
        for unit in ["bytes", "kB", "MB", "GB", "TB"] {
            if value < 1_000 { return unit == "bytes" ? "\(number) bytes" : "\(tenths(value)) \(unit)" }
            value /= 1_000
        }
        return "\(tenths(value)) PB"
    }

    /// `0:07`, `1:02:03`
    public static func clock(_ seconds: Double) -> String {
        let whole = seconds < 1e9 ? Int(seconds.rounded(.up)) : 999_999_999
        let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60)
        let tail = (rest < 10 ? "0" : "") + String(rest)
        guard hours > 0 else { return "\(minutes):\(tail)" }
        return "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(tail)"
    }

    /// Of milliseconds: `12 ms`, `1.4 s`, `2:05`
    public static func duration(_ milliseconds: Double) -> String {
        if milliseconds < 1_000 { return "\(Int(milliseconds.rounded())) ms" }
        return milliseconds < 60_000 ? "\(tenths(milliseconds / 1_000)) s" : clock(milliseconds / 1_000)
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension Printable {
    /// A value as a SQL literal, cut to `limit` characters.
    public static func value(_ value: SQLValue, limit: Int = 60) -> String {
        let text = text(SQLLiteral.value(shortened(value, to: limit)))
        return text.count > limit ? text.prefix(limit - 1) + "…" : text
    }

    /// Keeps a large value from being written out only to be cut.
    private static func shortened(_ value: SQLValue, to limit: Int) -> SQLValue {
        switch value {
        case .blob(let bytes) where bytes.count > limit: .blob(Array(bytes.prefix(limit)))
        default: value
        }
    }

    public static func key(_ key: RowKey) -> String {
        switch key {
        case .rowid(let number): String(number)
        case .values(let values): values.map { value($0) }.joined(separator: ", ")
        }
    }
}

extension Context.RowSample {
    /// A title, and the rows below it.
    func text(_ style: Style) -> String {
        var table = TextTable(columns.map { (Printable.text($0), .left) })
        for row in rows {
            table.append(row.map { Printable.text(SQLLiteral.value($0)).prefix(60).description })
        }
        let rest = more > 0 ? "and \(Figures.count(more, "more row"))\n" : ""
        return "\(Printable.text(title)):\n\(table.text(style))\(rest)"
    }
}
