internal import BatchCore
internal import BatchLedger

/// Names of tables and tenants as names in a git tree, safe on every file system a clone may land on.
enum PathName {
    private static let longest = 180

    /// Letters, digits, `_` and `-` stay; every other byte becomes `%` and two digits. SQLite itself lets no two tables
    /// differ only in the case of ASCII letters. Very long names end in a hash; the manifest has the full name.
    static func table(_ name: String) -> String { encode(name, keepsUpperCase: true) }

    /// As for tables, but upper-case letters are encoded too: `Acme` and `acme` may be two tenants.
    static func tenant(_ value: SQLValue) -> String {
        switch value {
        case .null: "%null"
        case .integer(let number): String(number)
        case .real(let number): encode(number.description, keepsUpperCase: false)
        case .text, .text16: encode(value.string ?? "", keepsUpperCase: false)
        case .blob(let bytes): encode("%" + Hex.string(bytes), keepsUpperCase: false)
        }
    }

    private static func encode(_ name: String, keepsUpperCase: Bool) -> String {
        if name.isEmpty { return "%" }
        var path: [UInt8] = []
        for byte in name.utf8 {
            let isLetter = (byte >= 97 && byte <= 122) || (keepsUpperCase && byte >= 65 && byte <= 90)
            if isLetter || (byte >= 48 && byte <= 57) || byte == 95 || byte == 45 {
                path.append(byte)
            } else {
                path.append(UInt8(ascii: "%"))
                path.append(contentsOf: Hex.string([byte]).utf8)
            }
        }
        if path.count <= longest { return String(decoding: path, as: UTF8.self) }
        let hash = RowCodec.hash([.string(name)])
        return String(decoding: path.prefix(longest - 40), as: UTF8.self) + "%" + hash.description
    }
}
