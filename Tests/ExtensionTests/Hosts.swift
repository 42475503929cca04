internal import Glibc
internal import TestSupport
internal import Testing

/// The built extension, and programs that load it.
enum Hosts {
    /// Built once for all tests, unless it is newer than its sources.
    static let library: String = {
        let path = TextFile.inPackage(".build/extension/batchmgr.so")
        let home = getenv("HOME").map { String(cString: $0) } ?? "/tmp"
        let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let line = "HOME=\(Shell.quote(home)) PATH=\(Shell.quote(search)) "
        let script = Shell.quote(TextFile.inPackage("scripts/build-extension"))
        _ = Shell.run("\(line) \(script) --if-older >&2")
        return path
    }()

    /// As `.load` and `load_extension` want it.
    static var name: String { String(library.dropLast(3)) }

    /// Python with a SQLite of its own; nil when scripts/install-dependencies could not get it.
    static let apsw = program("python")

    /// Node with its own SQLite; nil when scripts/install-dependencies could not get it.
    static let node = program("node")

    private static func program(_ name: String) -> String? {
        let path = TextFile.inPackage(".build/extension/hosts/bin/\(name)")
        return access(path, X_OK) == 0 ? path : nil
    }

    /// The one of the toolchain that built these tests.
    static let swiftCompiler: String? = {
        let search = getenv("PATH").map { String(cString: $0) } ?? ""
        return search.split(separator: ":").map { $0 + "/swiftc" }.first { access($0, X_OK) == 0 }
    }()

    /// Runs SQL in the shell of Debian, with the extension loaded; the folder holds `app.db`.
    static func sqlite(_ folder: String, _ sql: String, database: String = "app.db") throws -> BuiltTool.Result {
        try TextFile.write(".load \(name)\n" + sql, to: folder + "/script.sql")
        return try BuiltTool.shell("cd '\(folder)' && exec sqlite3 \(database) < script.sql")
    }

    /// Runs a Python program; `connect(path)` opens a database with the extension.
    static func python(
        _ folder: String, _ program: String, with interpreter: String = "/usr/bin/python3", before: String = ""
    ) throws -> BuiltTool.Result {
        let head = """
            import sqlite3, sys, os, threading
            def connect(path="app.db", **options):
                connection = sqlite3.connect(path, **options)
                connection.enable_load_extension(True)
                connection.load_extension("\(name)")
                return connection
            def refused(connection, sql, *words):
                try:
                    connection.execute(sql).fetchall()
                except sqlite3.Error as error:
                    text = str(error)
                    for word in words:
                        assert word in text, (sql, text)
                    return text
                raise AssertionError("was not refused: " + sql)

            """
        try TextFile.write(head + program, to: folder + "/program.py")
        return try BuiltTool.shell("cd '\(folder)' && \(before) exec \(interpreter) program.py")
    }

    static func tool(_ folder: String, _ line: String) throws -> BuiltTool.Result {
        try BuiltTool.shell("cd '\(folder)' && exec \"$TOOL\" \(line) --db app.db")
    }

    static func sql(_ folder: String, _ text: String) throws -> String {
        try TextFile.write(text, to: folder + "/plain.sql")
        return try BuiltTool.shell("cd '\(folder)' && exec sqlite3 app.db < plain.sql").out
    }

    /// The user's data alone.
    static func dump(_ folder: String) throws -> String {
        try BuiltTool.shell("cd '\(folder)' && sqlite3 app.db .dump | grep -v batchmgr_").out
    }
}

extension BuiltTool.Result {
    /// A program that was ended by a signal, or failed.
    var fault: String? { code == 0 ? nil : "code \(code)\n\(out)\n\(err)" }
}
