internal import BatchCore
internal import CSQLite

/// Values on their way between SQLite and Swift.
enum HostValue {
    static func read(_ value: OpaquePointer) -> SQLValue {
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: .integer(sqlite3_value_int64(value))
        case SQLITE_FLOAT: .real(sqlite3_value_double(value))
        case SQLITE_TEXT:
            // The pointer first: it may convert the text, and that changes its length.
            .text(bytes(UnsafeRawPointer(sqlite3_value_text(value)), value))
        case SQLITE_BLOB: .blob(bytes(sqlite3_value_blob(value), value))
        default: .null
        }
    }

    private static func bytes(_ start: UnsafeRawPointer?, _ value: OpaquePointer) -> [UInt8] {
        let count = Int(sqlite3_value_bytes(value))
        guard let start, count > 0 else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    static func give(_ value: SQLValue, to call: OpaquePointer) {
        switch value {
        case .null: sqlite3_result_null(call)
        case .integer(let number): sqlite3_result_int64(call, number)
        case .real(let number): sqlite3_result_double(call, number)
        case .text(let bytes): pass(bytes, call) { csqlite_result_text(call, $0, $1) }
        case .text16(let bytes): pass(bytes, call) { csqlite_result_text16(call, $0, $1) }
        case .blob(let bytes): pass(bytes, call) { csqlite_result_blob(call, $0, $1) }
        }
    }

    /// A null pointer would be NULL, also for an empty text or blob.
    private static func pass(
        _ bytes: [UInt8], _ call: OpaquePointer, _ body: (UnsafeRawPointer, Int32) -> Void
    ) {
        guard let count = Int32(exactly: bytes.count) else { return sqlite3_result_error_toobig(call) }
        bytes.withUnsafeBytes { buffer in
            if let base = buffer.baseAddress { return body(base, count) }
            var nothing: UInt8 = 0
            body(&nothing, 0)
        }
    }

    /// The error as text: what was called, what is wrong, and what to do about it.
    static func give(_ error: BatchError, of function: String, to call: OpaquePointer) {
        sqlite3_result_error(call, words(error, of: function), -1)
        if error.code == .busy { sqlite3_result_error_code(call, SQLITE_BUSY) }
    }

    static func words(_ error: BatchError, of function: String) -> String {
        "\(function): \(error.code.rawValue): \(error.message); hint: \(error.hint)"
    }
}
