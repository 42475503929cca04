internal import BatchCore
internal import BatchLedger
internal import Glibc

/// The libraries this process really runs with.
struct LibraryChecks {
    /// Needed for capture, or for databases that use them.
    private static let options: [(name: String, option: String, isNeeded: Bool, effect: String)] = [
        ("preupdate hook", "ENABLE_PREUPDATE_HOOK", true, "changes cannot be captured"),
        ("FTS5", "ENABLE_FTS5", false, "databases with full-text search (FTS5) do not work"),
        ("R*Tree", "ENABLE_RTREE", false, "databases with R*Trees do not work"),
    ]

    let sqliteVersion: String
    private let compiled: Set<String>

    /// - Throws: `ERR_DATA_SQL` when SQLite cannot even open a database in memory.
    init() throws(BatchError) {
        let connection = try Connection(path: ":memory:", mode: .create)
        sqliteVersion = try connection.value("SELECT sqlite_version()")?.string ?? "?"
        compiled = Set(try connection.rows("PRAGMA compile_options").compactMap { $0.first?.string })
    }

    var checks: [Check] {
        [Check.passed("SQLite", sqliteVersion)] + LibraryChecks.options.map(check) + [threads] + others
    }

    private func check(_ entry: (name: String, option: String, isNeeded: Bool, effect: String)) -> Check {
        let name = "SQLite \(entry.name)"
        if compiled.contains(entry.option) { return .passed(name, "compiled in") }
        let advice = "install the SQLite of your distribution (Debian: libsqlite3-0), or build it with \(entry.option)"
        guard entry.isNeeded else {
            return .warning(name, "missing: \(entry.effect)", code: .machine, advice: Hint(advice))
        }
        return .failed(name, BatchError(.libraryMissing, "missing: \(entry.effect)", hint: Hint(advice)))
    }

    private var threads: Check {
        let name = "SQLite threads"
        let mode = compiled.first { $0.hasPrefix("THREADSAFE=") } ?? "THREADSAFE=?"
        guard mode == "THREADSAFE=0" else { return .passed(name, mode) }
        return .warning(name, mode, code: .machine, advice: "install a SQLite that is built with THREADSAFE=1 or 2")
    }

    /// The libraries are asked by name, so that this file needs none of their headers.
    private var others: [Check] {
        [("zstd", "ZSTD_versionString"), ("libyaml", "yaml_get_version_string"), ("libcurl", "curl_version")]
            .compactMap { name, symbol in
                LibraryChecks.text(symbol).map { .passed(name, $0) }
            } + [LibraryChecks.git].compactMap { $0.map { .passed("libgit2", $0) } }
    }

    private static func text(_ symbol: String) -> String? {
        guard let address = dlsym(nil, symbol) else { return nil }
        typealias Function = @convention(c) () -> UnsafePointer<CChar>?
        return unsafeBitCast(address, to: Function.self)().map { String(cString: $0) }
    }

    private static var git: String? {
        guard let address = dlsym(nil, "git_libgit2_version") else { return nil }
        typealias Function =
            @convention(c) (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) ->
            Int32
        var (major, minor, revision): (Int32, Int32, Int32) = (0, 0, 0)
        _ = unsafeBitCast(address, to: Function.self)(&major, &minor, &revision)
        return "\(major).\(minor).\(revision)"
    }
}
