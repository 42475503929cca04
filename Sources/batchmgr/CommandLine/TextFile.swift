internal import BatchCore
internal import Glibc

/// A text that the user names on the command line.
enum TextFile {
    /// - Throws: `ERR_UX_FILE_MISSING`, `ERR_INTEGRATION_FILE`.
    static func read(_ path: String, option: String = "file") throws(BatchError) -> String {
        guard let file = fopen(path, "r") else {
            throw BatchError(
                errno == ENOENT ? .fileMissing : .file, "read \(path): \(String(cString: strerror(errno)))",
                hint: "check the path: --\(option) PATH")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw BatchError(.file, "\(path) is not UTF-8 text", hint: "save it as UTF-8")
        }
        return text
    }
}
