internal import BatchCore
internal import Glibc

/// The one funnel for errno: each failure of a file operation becomes a `BatchError` that names the file.
enum FileFault {
    static func error(_ doing: String, _ path: String, code: Int32 = errno) -> BatchError {
        let message = "\(doing) \(path): \(String(cString: strerror(code)))"
        switch code {
        case ENOSPC, EDQUOT:
            return BatchError(.diskFull, message, hint: "free some space, then: batchmgr doctor")
        case EROFS, EACCES, EPERM:
            return BatchError(.readOnly, message, hint: "make the folder writable, then: batchmgr doctor")
        case ENOENT:
            return BatchError(.fileMissing, message, hint: "check the path, then: batchmgr points")
        default:
            return BatchError(.file, message, hint: "check the disk and the path, then: batchmgr doctor")
        }
    }
}
