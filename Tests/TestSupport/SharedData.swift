internal import Glibc

/// Real databases beside the package; tests that need them have no cases where they are missing.
public enum SharedData {
    public static let folder: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(4).joined(separator: "/") + "/shared/data"
    }()

    /// Paths of the databases below `databases`, without those that are damaged on purpose.
    public static let databases: [String] = {
        let list = Shell.run(
            "find \(Shell.quote(folder))/databases -type f \\( -name '*.db' -o -name '*.sqlite' -o -name '*.mbtiles' \\) 2>/dev/null | sort"
        )
        return String(decoding: list, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { !$0.hasSuffix("/not_a_db.db") && !$0.hasSuffix("/corrupt_page.db") && $0.hasPrefix("/") }
    }()

    /// Nil when the file is not there.
    public static func database(_ name: String) -> String? {
        let path = folder + "/databases/" + name
        return access(path, R_OK) == 0 ? path : nil
    }

    /// Nil when the file is not there.
    public static func text(_ name: String) throws -> String? {
        let path = folder + "/" + name
        return access(path, R_OK) == 0 ? try TextFile.read(path) : nil
    }
}
