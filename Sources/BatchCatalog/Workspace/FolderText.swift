public import BatchCore
internal import Glibc

/// Reads and names the text files of a workspace.
public enum FolderText {
    public enum Content {
        case text(String)
        /// It is there, but is no text that is read here.
        case unreadable(YAMLMark, String)
    }

    // MARK: Names

    public static func join(_ folder: String, _ name: String) -> String {
        if name.hasPrefix("/") { return name }
        return folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }

    /// `/` for a path without a folder above.
    public static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    public static var current: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    /// With all links resolved; nil when there is nothing at this path.
    public static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Relative to the current folder when it is below it, as a user would write it.
    public static func shown(_ path: String) -> String {
        let prefix = current + "/"
        return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
    }

    // MARK: Files

    /// The names in a folder, sorted; none when there is no such folder.
    public static func names(in folder: String) throws(BatchError) -> [String] {
        guard let stream = opendir(folder) else {
            if errno == ENOENT { return [] }
            throw failure("read the folder", folder)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.append(name)
        }
        return names.sorted()
    }

    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    public static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// - Parameter limit: in bytes; a longer file is not read to its end.
    public static func read(_ path: String, limit: Int) throws(BatchError) -> Content {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("read", path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit {
            let count = Glibc.read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return content(bytes) }
            bytes.append(contentsOf: buffer[..<count])
        }
        return .unreadable(.start, "the file is larger than \(limit / 1024) KiB")
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
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            if errno == EEXIST {
                throw BatchError(
                    .fileExists, "\(shown(path)) is already there", hint: "edit it, or remove it and try again")
            }
            throw failure("write", path)
        }
        defer { close(file) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = failure("write", path)
                unlink(path)
                throw error
            }
            rest = rest.dropFirst(count)
        }
        guard fsync(file) == 0 else {
            let error = failure("write", path)
            unlink(path)
            throw error
        }
    }

    private static func failure(_ doing: String, _ path: String) -> BatchError {
        let code = errno
        let message = "\(doing) \(shown(path)): \(String(cString: strerror(code)))"
        switch code {
        case ENOSPC: return BatchError(.diskFull, message, hint: "free some space, then: \(command: "doctor")")
        case EROFS, EACCES:
            return BatchError(.readOnly, message, hint: "give yourself the right to it, then: \(command: "doctor")")
        default: return BatchError(.file, message, hint: "check that the path exists and may be read and written")
        }
    }
}
