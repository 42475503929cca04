internal import BatchCore
internal import Glibc

/// The one place where a failed system call becomes an error for the user.
enum SystemFault {
    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }

    /// - Parameter what: the action and the thing's name, e.g. `write 'out/report.csv'`.
    static func error(_ code: Int32, doing what: String) -> BatchError {
        switch code {
        case ENOSPC, EDQUOT:
            BatchError(.diskFull, "\(what): \(text(code))", hint: "free some space, then type: \(command: "doctor")")
        case EROFS, EACCES, EPERM:
            BatchError(.readOnly, "\(what): \(text(code))", hint: "check who may write there: \(command: "doctor")")
        default:
            BatchError(.file, "\(what): \(text(code))", hint: "type: \(command: "doctor")")
        }
    }
}
