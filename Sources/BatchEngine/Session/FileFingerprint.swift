internal import CLinux

/// How a database file looks from outside. When nothing of it has changed, nobody has written to the database.
///
/// SQLite's own change counter does not move in WAL mode; the times of the files do.
struct FileFingerprint {
    let path: String

    /// Nil when the last change is so recent that a further one could bear the same time: the kernel's clock for files
    /// ticks every few milliseconds.
    func read(at milliseconds: Int64) -> String? {
        var parts: [String] = []
        for ending in ["", "-wal", "-journal"] {
            var facts: [Int] = [0, 0, 0, 0]
            // An empty log is as good as none.
            guard clinux_file_facts(path + ending, &facts) == 1, ending.isEmpty || facts[2] > 0 else {
                parts.append("-")
                continue
            }
            if milliseconds - Int64(facts[3]) / 1_000_000 < FileFingerprint.settling { return nil }
            parts.append(facts.map(String.init).joined(separator: ":"))
        }
        return parts.joined(separator: " ")
    }

    /// Milliseconds after which a change shows another time for certain.
    static let settling: Int64 = 20
}
