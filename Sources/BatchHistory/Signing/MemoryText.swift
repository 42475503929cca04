internal import CCrypto

/// Text that libcrypto reads and writes.
enum MemoryText {
    /// The memory is the caller's: it must outlive what reads from it.
    static func read<Result>(_ text: [UInt8], _ body: (OpaquePointer?) -> Result) -> Result {
        text.withUnsafeBytes { bytes in
            let memory = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
            defer { BIO_free(memory) }
            return body(memory)
        }
    }

    static func write(_ body: (OpaquePointer?) -> Int32) -> String {
        let memory = BIO_new(BIO_s_mem())
        defer { BIO_free(memory) }
        guard body(memory) == 1 else { return "" }
        var text = [UInt8](repeating: 0, count: 4_096)
        let count = BIO_read(memory, &text, Int32(text.count))
        return String(decoding: text.prefix(Int(max(0, count))), as: UTF8.self)
    }
}
