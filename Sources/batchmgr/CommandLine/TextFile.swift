internal import BatchCore
internal import BatchSystem

/// A text that the user names on the command line; `-` is standard input.
enum TextFile {
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_INTEGRATION_FILE`.
    static func read(_ path: String, option: String = "file") throws(BatchError) -> String {
        let file = path == "-" ? "/dev/stdin" : path
        guard Folder.exists(file) else {
            throw BatchError(.fileMissing, "there is no file \(path)", hint: "check the path: --\(option) PATH")
        }
        let bytes = try File(readingAny: file).contents(atMost: .max - 1)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw BatchError(.file, "\(path) is not UTF-8 text", hint: "save it as UTF-8")
        }
        return text
    }
}
