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

/// A known defect of SQLite that can harm a user of this tool.
struct SQLiteBug {
    /// When the defect matters.
    enum Condition {
        /// In this journal mode, by itself.
        case walMode
        /// For SQL of somebody who means harm.
        case hostileSQL
        /// For a file of somebody who means harm, with FTS5 in its schema.
        case hostileFullText
    }

    let name: String
    /// As `sqlite3_libversion_number`: 3.51.3 is 3051003.
    let introduced: Int
    let fixed: Int
    let condition: Condition
    let effect: String
    let advice: String

    static let known = [
        SQLiteBug(
            name: "WAL-reset bug", introduced: 3_007_000, fixed: 3_051_003, condition: .walMode,
            effect: "two connections that write or checkpoint at the same moment can, rarely, corrupt the database",
            advice: """
                batchmgr itself writes and checkpoints through one connection; for your other programs upgrade SQLite to \
                3.51.3, or leave WAL: PRAGMA journal_mode=DELETE
                """),
        SQLiteBug(
            name: "CVE-2025-6965", introduced: 0, fixed: 3_050_002, condition: .hostileSQL,
            effect: "SQL with very many aggregate terms can damage memory",
            advice: "run only SQL that you trust, or upgrade SQLite to 3.50.2"),
        SQLiteBug(
            name: "CVE-2026-11824", introduced: 3_009_000, fixed: 3_053_002, condition: .hostileFullText,
            effect: "a crafted full-text index (FTS5) can damage memory when it is searched",
            advice: "open only databases that you trust, or upgrade SQLite to 3.53.2"),
    ]

    func applies(to version: Int, journalMode: String, usesFTS5: Bool) -> Bool {
        guard version >= introduced, version < fixed else { return false }
        return switch condition {
        case .walMode: journalMode == "wal"
        case .hostileSQL: true
        case .hostileFullText: usesFTS5
        }
    }

    /// Only what can happen to honest data is a warning: distributions correct the others without a new version number,
    /// and a warning that is always there is not read.
    var check: Check {
        switch condition {
        case .walMode: .warning("SQLite \(name)", effect, code: .machine, advice: Hint(advice))
        case .hostileSQL, .hostileFullText:
            .passed("SQLite \(name)", "unless your distribution has corrected it, \(effect): \(advice)")
        }
    }

    /// `3.51.3` → 3051003; 0 for text that is no version.
    static func number(_ version: String) -> Int {
        let parts = version.split(separator: ".").map { Int($0) ?? 0 }
        guard parts.count >= 2 else { return 0 }
        return parts[0] * 1_000_000 + parts[1] * 1_000 + (parts.count > 2 ? parts[2] : 0)
    }
}
