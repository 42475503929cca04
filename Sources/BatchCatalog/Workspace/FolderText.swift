public import BatchCore
internal import BatchSystem

/// Reads and names the text files of a workspace.
public enum FolderText {
    public enum Content {
        case text(String)
        /// It is there, but is no text that is read here.
        case unreadable(YAMLMark, String)
    }

    // MARK: Names

    public static func join(_ folder: String, _ name: String) -> String { FilePath.join(folder, name) }

    /// `/` for a path without a folder above.
    public static func parent(_ path: String) -> String { path.contains("/") ? FilePath.parent(path) : "/" }

    /// The name of a file up to its ending.
    static func stem(of path: String) -> String {
        String((path.pathNames.last ?? "").prefix { $0 != "." })
    }

    public static var current: String { FilePath.current }

    public static func resolved(_ path: String) -> String? { FilePath.resolved(path) }

    public static func shown(_ path: String) -> String { FilePath.shown(path) }

    // MARK: Files

    public static func names(in folder: String) throws(BatchError) -> [String] { try Folder.names(in: folder) }

    public static func exists(_ path: String) -> Bool { Folder.exists(path) }

    public static func isFile(_ path: String) -> Bool { FileStatus(path)?.isFile == true }

    /// - Parameter limit: in bytes; a longer file is not read.
    public static func read(_ path: String, limit: Int) throws(BatchError) -> Content {
        let file = try File(reading: path)
        if file.status.size > limit { return .unreadable(.start, "the file is larger than \(limit / 1024) KiB") }
        return content(try file.contents(atMost: limit))
    }

    private static func content(_ bytes: [UInt8]) -> Content {
        if let text = String(validating: bytes, as: UTF8.self) { return .text(text) }
        var mark = YAMLMark.start
        // The first line that is not valid as a whole; a character never goes over a line's end.
        for line in bytes.split(separator: 10, omittingEmptySubsequences: false) {
            if String(validating: line, as: UTF8.self) == nil {
                mark.column = String(decoding: line, as: UTF8.self).unicodeScalars.prefix { $0 != "\u{FFFD}" }.count + 1
                break
            }
            mark.line += 1
        }
        return .unreadable(mark, "the file is not UTF-8; save it as UTF-8")
    }

    /// Writes a file that must not be there yet; when the disk fails nothing of it stays.
    public static func create(_ path: String, _ text: String) throws(BatchError) {
        try DurableFile.create(Array(text.utf8), as: path)
    }
}
