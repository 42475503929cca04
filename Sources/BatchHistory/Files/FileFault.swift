internal import BatchCore
internal import Glibc

/// The one funnel for errno: each failure of a file operation becomes a `BatchError` that names the file.
enum FileFault {
    static func error(_ doing: String, _ path: String, code: Int32 = errno) -> BatchError {
        let error = refusal("\(doing) \(path): \(String(cString: strerror(code)))", code)
        return BatchError(
            error.code, error.message, hint: error.hint, cause: .system(errno: code), subject: .file(path))
    }

    private static func refusal(_ message: String, _ code: Int32) -> BatchError {
        switch code {
        case ENOSPC, EDQUOT:
            return BatchError(.diskFull, message, hint: "free some space, then: \(command: "doctor")")
        case EROFS, EACCES, EPERM:
            return BatchError(.readOnly, message, hint: "make the folder writable, then: \(command: "doctor")")
        case ENOENT:
            return BatchError(.fileMissing, message, hint: "check the path, then: \(command: "points")")
        default:
            return BatchError(.file, message, hint: "check the disk and the path, then: \(command: "doctor")")
        }
    }
}
