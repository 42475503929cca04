internal import BatchCore
internal import Glibc

/// Standard output or standard error, written to the last byte.
enum StandardStream: Int32 {
    case output = 1
    case error = 2

    /// A reader that has gone away (`batchmgr list | head -1`) is no error: the rest is of no interest to anybody.
    /// - Throws: `ERR_INTEGRATION_FILE`, e.g. when standard output is a file on a full disk.
    func write(_ text: String) throws(BatchError) {
        let code = writeAll(Array(text.utf8))
        guard code != 0, code != EPIPE else { return }
        throw BatchError(
            .file, "write standard output: \(String(cString: strerror(code)))",
            hint: "check where the output is sent; the work itself was done")
    }

    /// For remarks: when they cannot be written there is nobody to tell.
    func tryWrite(_ text: String) { _ = writeAll(Array(text.utf8)) }

    /// - Returns: 0, or the `errno` of the write that failed.
    private func writeAll(_ bytes: [UInt8]) -> Int32 {
        bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = Glibc.write(rawValue, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                if count < 0, errno != EINTR { return errno }
                written += max(count, 0)
            }
            return 0
        }
    }
}
