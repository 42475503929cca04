internal import BatchCore
internal import BatchLedger

/// The SHA-1 that names a git object.
public struct ObjectID: Hashable, Sendable, Comparable, CustomStringConvertible {
    private let high: UInt64
    private let middle: UInt64
    private let low: UInt32

    /// - Parameter bytes: 20 of them; missing ones count as zero.
    init(_ bytes: some Sequence<UInt8>) {
        var words: (UInt64, UInt64, UInt32) = (0, 0, 0)
        for (index, byte) in bytes.prefix(20).enumerated() {
            switch index {
            case 0..<8: words.0 |= UInt64(byte) << UInt64(56 - index * 8)
            case 8..<16: words.1 |= UInt64(byte) << UInt64(56 - (index - 8) * 8)
            default: words.2 |= UInt32(byte) << UInt32(24 - (index - 16) * 8)
            }
        }
        (high, middle, low) = words
    }

    /// - Parameter bytes: exactly 20.
    init(raw bytes: UnsafeRawBufferPointer) {
        high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        middle = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        low = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    }

    /// Nil unless the text is 40 hexadecimal digits.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 40, let bytes = Hex.bytes(hex) else { return nil }
        self.init(bytes)
    }

    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20)
        withUnsafeBytes(of: high.bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: middle.bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: low.bigEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }

    public var description: String { Hex.string(bytes) }

    /// The first byte: the fan-out table of a pack index counts by it.
    var first: Int { Int(high >> 56) }

    public static func < (a: ObjectID, b: ObjectID) -> Bool {
        (a.high, a.middle, a.low) < (b.high, b.middle, b.low)
    }
}

/// The kinds of git objects, with their numbers in a pack.
package enum ObjectKind: UInt8 {
    case commit = 1
    case tree = 2
    case blob = 3
    case tag = 4

    var name: String {
        switch self {
        case .commit: "commit"
        case .tree: "tree"
        case .blob: "blob"
        case .tag: "tag"
        }
    }
}

/// The id of a restore point in git: 40 hexadecimal digits.
public struct CommitID: Hashable, Sendable, CustomStringConvertible {
    package let object: ObjectID

    init(_ object: ObjectID) { self.object = object }

    /// Nil unless the text is 40 hexadecimal digits.
    public init?(_ text: String) {
        guard let object = ObjectID(hex: text) else { return nil }
        self.object = object
    }

    public var description: String { object.description }
}

/// One line of a git tree.
struct TreeEntry: Hashable {
    let name: String
    let id: ObjectID
    let isTree: Bool

    /// Git sorts folders as if their names ended in a slash.
    private var sortKey: String { isTree ? name + "/" : name }

    /// The entries of a shard tree mostly come in order.
    private static func sorted(_ entries: [TreeEntry]) -> [TreeEntry] {
        if entries.allSatisfy({ $0.name.utf8.count == 1 })
            && zip(entries, entries.dropFirst()).allSatisfy({ $0.name < $1.name })
        {
            return entries
        }
        return entries.sorted { $0.sortKey.utf8.lexicographicallyPrecedes($1.sortKey.utf8) }
    }

    static func encode(_ entries: [TreeEntry]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.count * 32)
        for entry in sorted(entries) {
            bytes.append(contentsOf: entry.isTree ? "40000 ".utf8 : "100644 ".utf8)
            bytes.append(contentsOf: entry.name.utf8)
            bytes.append(0)
            bytes.append(contentsOf: entry.id.bytes)
        }
        return bytes
    }

    static func decode(_ bytes: [UInt8], of tree: ObjectID) throws(BatchError) -> [TreeEntry] {
        var entries: [TreeEntry] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: 32), let end = rest[space...].firstIndex(of: 0),
                end + 20 < rest.endIndex
            else { throw GitRepository.corrupt(tree, .tree, "is damaged") }
            entries.append(
                TreeEntry(
                    name: String(decoding: rest[(space + 1)..<end], as: UTF8.self),
                    id: rest[(end + 1)...(end + 20)].withUnsafeBytes(ObjectID.init(raw:)),
                    isTree: rest[..<space].elementsEqual("40000".utf8)))
            rest = rest[(end + 21)...]
        }
        return entries
    }
}

/// A commit object, taken apart.
struct CommitHeader {
    let tree: ObjectID
    let parent: ObjectID?
    let message: PointMessage

    init(_ bytes: [UInt8], _ id: ObjectID) throws(BatchError) {
        guard let gap = CommitHeader.emptyLine(bytes) else { throw GitRepository.corrupt(id, .commit, "is damaged") }
        let lines = String(decoding: bytes[..<gap], as: UTF8.self).split(separator: "\n")
        func value(_ key: String) -> Substring? {
            lines.first { $0.hasPrefix(key + " ") }?.dropFirst(key.utf8.count + 1)
        }
        guard let tree = value("tree").flatMap({ ObjectID(hex: $0) }) else {
            throw GitRepository.corrupt(id, .commit, "is damaged")
        }
        self.tree = tree
        parent = value("parent").flatMap { ObjectID(hex: $0) }
        let (author, time) = CommitHeader.signature(value("author") ?? "")
        message = PointMessage.parse(String(decoding: bytes[(gap + 2)...], as: UTF8.self), author: author, time: time)
    }

    private static func emptyLine(_ bytes: [UInt8]) -> Int? {
        bytes.indices.dropLast().first { bytes[$0] == 10 && bytes[$0 + 1] == 10 }
    }

    /// `Name <mail> seconds zone`.
    private static func signature(_ text: Substring) -> (PointMessage.Author, Timestamp) {
        let name = text.prefix { $0 != "<" }
        let mail = text.dropFirst(name.count + 1).prefix { $0 != ">" }
        let seconds = text.dropFirst(name.count + mail.count + 2).split(separator: " ").first.flatMap { Int64($0) } ?? 0
        return (
            PointMessage.Author(
                name: name.hasSuffix(" ") ? String(name.dropLast()) : String(name), email: String(mail)),
            Timestamp(milliseconds: seconds.multipliedReportingOverflow(by: 1_000).partialValue)
        )
    }
}

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
