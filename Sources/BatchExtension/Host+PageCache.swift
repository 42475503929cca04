internal import BatchCore
internal import BatchLedger

/// A larger page cache for the length of a batch: with SQLite's standard of 2 MB, pages of indexes and of the undo log
/// push each other out, and are written again and again.
extension Host {
    private static let standard: Int64 = -2_000
    /// In KiB, negative as SQLite wants it.
    private static let wide: Int64 = -32_768

    private var pageCache: Int64? {
        get { (try? connection.value("PRAGMA main.cache_size"))?.integer }
        set { if let newValue { try? connection.execute("PRAGMA main.cache_size = \(newValue)") } }
    }

    /// A host that has chosen a size for itself keeps it.
    func widenPageCache() {
        guard pageCache == Host.standard else { return }
        pageCache = Host.wide
        hasWidePageCache = true
    }

    /// Gives the memory back. The host may have chosen a size since.
    func narrowPageCache() {
        guard hasWidePageCache else { return }
        hasWidePageCache = false
        if pageCache == Host.wide { pageCache = Host.standard }
    }
}
