internal import BatchCore
internal import BatchLedger

/// A folder of a commit, read when it is needed and written when it was changed.
final class TreeFolder {
    private enum Entry {
        case stored(TreeEntry)
        case open(TreeFolder)
    }

    private let repository: GitRepository
    private var entries: [String: Entry] = [:]

    /// - Parameter id: nil for a new, empty folder.
    init(_ id: ObjectID?, in repository: GitRepository) throws(BatchError) {
        self.repository = repository
        guard let id else { return }
        for entry in try TreeEntry.decode(try repository.read(id, .tree), of: id) {
            entries[entry.name] = .stored(entry)
        }
    }

    var names: [String] { entries.keys.sorted() }

    /// The folder of this name; made when `isNew` allows it, else nil when there is none.
    func folder(_ name: String, isNew: Bool = false) throws(BatchError) -> TreeFolder? {
        switch entries[name] {
        case .open(let folder): return folder
        case .stored(let entry) where entry.isTree:
            let folder = try TreeFolder(entry.id, in: repository)
            entries[name] = .open(folder)
            return folder
        default:
            guard isNew else { return nil }
            let folder = try TreeFolder(nil, in: repository)
            entries[name] = .open(folder)
            return folder
        }
    }

    /// Nil for folders that were opened, too: they may have changed.
    func id(_ name: String) -> ObjectID? {
        if case .stored(let entry) = entries[name] { entry.id } else { nil }
    }

    /// - Parameter id: nil takes the entry away.
    func set(_ name: String, _ id: ObjectID?, isTree: Bool) {
        entries[name] = id.map { .stored(TreeEntry(name: name, id: $0, isTree: isTree)) }
    }

    /// Nil when it is empty: git has no empty folders.
    func write(_ pack: PackWriter) throws(BatchError) -> ObjectID? {
        var written: [TreeEntry] = []
        for (name, entry) in entries {
            switch entry {
            case .stored(let entry): written.append(entry)
            case .open(let folder):
                guard let id = try folder.write(pack) else { continue }
                written.append(TreeEntry(name: name, id: id, isTree: true))
            }
        }
        return written.isEmpty ? nil : try pack.add(.tree, TreeEntry.encode(written))
    }
}

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
