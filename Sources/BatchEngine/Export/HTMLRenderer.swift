internal import BatchCore

/// A complete page with one table. All text is escaped, and the page's own policy allows no script, no request and no
/// style but the one whose hash it names.
struct HTMLRenderer: ExportRenderer {
    let columns: [String]
    let title: String

    /// The policy names the SHA-256 of exactly this text.
    private static let style = """
        body{font:14px sans-serif;margin:2em}\
        table{border-collapse:collapse}\
        td,th{border:1px solid #bbb;padding:2px 8px;text-align:left;vertical-align:top;white-space:pre-wrap}\
        td.n{text-align:right}\
        td.null{background:#eee}
        """
    private static let styleHash = "yLPYMZtA5zQpHtOHbZDSOmxSFL8eHlpnDEF2RllsFtM="

    mutating func begin(into output: inout [UInt8]) {
        let policy =
            "default-src 'none'; style-src 'sha256-\(HTMLRenderer.styleHash)'; base-uri 'none'; form-action 'none'"
        let name = HTMLRenderer.escaped(.string(title))
        output.append(
            contentsOf: """
                <!DOCTYPE html>
                <html lang="en"><head><meta charset="utf-8">
                <meta http-equiv="Content-Security-Policy" content="\(policy)">
                <meta name="referrer" content="no-referrer">
                <title>\(name)</title>
                <style>\(HTMLRenderer.style)</style></head>
                <body><h1>\(name)</h1>
                <table><thead><tr>
                """.utf8)
        for column in columns { output.append(contentsOf: "<th>\(HTMLRenderer.escaped(.string(column)))</th>".utf8) }
        output.append(contentsOf: "</tr></thead><tbody>\n".utf8)
    }

    mutating func row(_ values: [SQLValue], into output: inout [UInt8]) {
        output.append(contentsOf: "<tr>".utf8)
        for value in values {
            output.append(contentsOf: HTMLRenderer.tag(value).utf8)
            HTMLRenderer.escape(value, into: &output)
            output.append(contentsOf: "</td>".utf8)
        }
        output.append(contentsOf: "</tr>\n".utf8)
    }

    mutating func end(into output: inout [UInt8]) {
        output.append(contentsOf: "</tbody></table></body></html>\n".utf8)
    }

    private static func tag(_ value: SQLValue) -> String {
        switch value {
        case .null: "<td class=\"null\">"
        case .integer, .real: "<td class=\"n\">"
        default: "<td>"
        }
    }

    private static func escaped(_ value: SQLValue) -> String {
        var output: [UInt8] = []
        escape(value, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Spreadsheets open HTML too, so formulas are neutralised here as well.
    private static func escape(_ value: SQLValue, into output: inout [UInt8]) {
        guard var bytes = ExportText.bytes(value) else { return }
        switch value {
        case .integer: break
        case .real(let number) where number.isFinite: break
        default: bytes = FormulaGuard.neutralised(bytes)
        }
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "&"): output.append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "<"): output.append(contentsOf: "&lt;".utf8)
            case UInt8(ascii: ">"): output.append(contentsOf: "&gt;".utf8)
            case UInt8(ascii: "\""): output.append(contentsOf: "&quot;".utf8)
            case UInt8(ascii: "'"): output.append(contentsOf: "&#39;".utf8)
            default: output.append(byte)
            }
        }
    }
}
