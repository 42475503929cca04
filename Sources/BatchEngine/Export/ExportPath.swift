internal import BatchCore
internal import BatchSystem

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
    func openFolder(in workspace: String) throws(BatchError) -> OpenFolder {
        var folder = try OpenFolder(workspace)
        for part in folders {
            do throws(SystemError) {
                folder = try folder.folder(part)
            } catch {
                throw error.isLink ? ExportPath.outside(path) : error.error("open folder '\(part)' of '\(path)'")
            }
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
