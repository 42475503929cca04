internal import BatchCore
internal import Glibc

/// A path inside the workspace, walked folder by folder through open folders: no part of it can lead elsewhere, not even
/// when a symbolic link is put there meanwhile.
struct ExportPath {
    let path: String
    private let folders: [String]
    let name: String

    /// - Throws: `ERR_UX_INVALID_PARAMETER` for an empty or absolute path, one with `..`, or a name that is not of the
    ///   format.
    init(_ path: String, format: ExportFormat) throws(BatchError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true).map(String.init).filter { $0 != "." }
        guard !path.hasPrefix("/"), !path.hasSuffix("/"), !path.utf8.contains(0), !parts.contains(".."),
            let name = parts.last
        else { throw ExportPath.outside(path) }
        let ending = name.split(separator: ".", omittingEmptySubsequences: false).last.map { $0.lowercased() } ?? ""
        guard format.extensions.contains(ending), name.utf8.count > ending.utf8.count + 1 else {
            throw BatchError(
                .invalidParameter,
                "the export path '\(PlainText.oneLine(path))' does not end in .\(format.extensions[0])",
                hint:
                    "call the file NAME.\(format.extensions[0]), so that an export cannot replace another kind of file")
        }
        self.path = parts.joined(separator: "/")
        self.name = name
        folders = Array(parts.dropLast())
    }

    /// The folder of the file, made when it is missing.
    func openFolder(in workspace: String) throws(BatchError) -> FileHandle {
        let root = open(workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw SystemFault.error(errno, doing: "open the folder '\(workspace)'") }
        var folder = FileHandle(number: root)
        for part in folders {
            if mkdirat(folder.number, part, 0o755) == 0 {
                fsync(folder.number)
            } else if errno != EEXIST {
                throw SystemFault.error(errno, doing: "make the folder '\(part)' of '\(path)'")
            }
            let next = openat(folder.number, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else {
                // Linux says ENOTDIR for a symbolic link here.
                if errno == ELOOP || errno == ENOTDIR { throw ExportPath.outside(path) }
                throw SystemFault.error(errno, doing: "open the folder '\(part)' of '\(path)'")
            }
            folder = FileHandle(number: next)
        }
        return folder
    }

    private static func outside(_ path: String) -> BatchError {
        BatchError(
            .invalidParameter,
            "the export path '\(PlainText.oneLine(path))' is not a file inside the workspace, reached by real folders",
            hint: "give a relative path without '..' and without symbolic links, e.g. exports/report.csv")
    }
}
