internal import BatchCore

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
