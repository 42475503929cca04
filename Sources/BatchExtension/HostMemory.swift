internal import CSQLite

/// Memory that SQLite frees.
enum HostMemory {
    /// A copy with a NUL behind it; nil when there is no memory.
    static func text(_ text: String) -> UnsafeMutablePointer<CChar>? {
        let bytes = Array(text.utf8)
        guard let memory = sqlite3_malloc64(sqlite3_uint64(bytes.count) + 1) else { return nil }
        let characters = memory.bindMemory(to: CChar.self, capacity: bytes.count + 1)
        for (index, byte) in bytes.enumerated() { characters[index] = CChar(bitPattern: byte) }
        characters[bytes.count] = 0
        return characters
    }
}
