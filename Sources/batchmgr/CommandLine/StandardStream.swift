internal import BatchCore
internal import BatchSystem

/// Standard output or standard error, written to the last byte.
enum StandardStream: Int32 {
    case output = 1
    case error = 2

    /// A reader that has gone away (`batchmgr list | head -1`) is no error: the rest is of no interest to anybody.
    /// - Throws: `ERR_INTEGRATION_FILE`, e.g. when standard output is a file on a full disk.
    func write(_ text: String) throws(BatchError) {
        do throws(SystemError) {
            try SystemCall.write(Array(text.utf8), to: rawValue)
        } catch {
            if error.isClosedPipe { return }
            throw BatchError(
                .file, "write standard output: \(error.text)",
                hint: "check where the output is sent; the work itself was done")
        }
    }

    /// For remarks: when they cannot be written there is nobody to tell.
    func tryWrite(_ text: String) { try? SystemCall.write(Array(text.utf8), to: rawValue) }
}
