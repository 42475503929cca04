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
