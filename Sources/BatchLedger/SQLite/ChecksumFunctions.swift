public import BatchCore
internal import CSQLite

/// A SQL function of one value that names its bytes: `sha256(content)` as lower-case hexadecimal digits, NULL for NULL.
/// A number counts as the text that SQLite writes for it.
public struct ChecksumFunction: Sendable {
    public let name: String
    let digits: @Sendable (UnsafeRawBufferPointer) -> String

    public init(_ name: String, _ digits: @escaping @Sendable (UnsafeRawBufferPointer) -> String) {
        self.name = name
        self.digits = digits
    }
}

/// A SQL function of one text that looks at something outside the database. It may answer something else tomorrow, so only
/// statements use it, and no schema; NULL for NULL.
public struct TextFunction {
    public let name: String
    let body: (String) throws(BatchError) -> SQLValue

    public init(_ name: String, _ body: @escaping (String) throws(BatchError) -> SQLValue) {
        self.name = name
        self.body = body
    }

    fileprivate func answer(_ call: OpaquePointer, _ text: String) {
        do throws(BatchError) {
            switch try body(text) {
            case .integer(let number): sqlite3_result_int64(call, number)
            case let value:
                guard let text = value.string else { return sqlite3_result_null(call) }
                csqlite_result_text(call, text, Int32(text.utf8.count))
            }
        } catch {
            sqlite3_result_error(call, "\(name): \(error.message)", -1)
        }
    }
}

extension Connection {
    public func add(_ function: TextFunction) {
        outsideFunctions.insert(function.name)
        final class Box {
            let function: TextFunction
            init(_ function: TextFunction) { self.function = function }
        }
        sqlite3_create_function_v2(
            handle, function.name, 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
            Unmanaged.passRetained(Box(function)).toOpaque(),
            { call, _, values in
                guard let call, let value = values?[0], let box = sqlite3_user_data(call) else { return }
                guard let text = sqlite3_value_text(value) else { return sqlite3_result_null(call) }
                let bytes = UnsafeBufferPointer(start: text, count: Int(sqlite3_value_bytes(value)))
                Unmanaged<Box>.fromOpaque(box).takeUnretainedValue().function
                    .answer(call, String(decoding: bytes, as: UTF8.self))
            }, nil, nil, { if let box = $0 { Unmanaged<Box>.fromOpaque(box).release() } })
    }

    /// The same bytes have the same checksum for ever, so the schema may use it too.
    public func add(_ function: ChecksumFunction) {
        final class Box {
            let function: ChecksumFunction
            init(_ function: ChecksumFunction) { self.function = function }
        }
        sqlite3_create_function_v2(
            handle, function.name, 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
            Unmanaged.passRetained(Box(function)).toOpaque(),
            { call, _, values in
                guard let call, let value = values?[0], let box = sqlite3_user_data(call) else { return }
                if sqlite3_value_type(value) == SQLITE_NULL { return sqlite3_result_null(call) }
                // A text is taken as UTF-8, whatever the encoding of the database.
                let bytes =
                    sqlite3_value_type(value) == SQLITE_BLOB
                    ? sqlite3_value_blob(value) : UnsafeRawPointer(sqlite3_value_text(value))
                let count = Int(sqlite3_value_bytes(value))
                let digits = Unmanaged<Box>.fromOpaque(box).takeUnretainedValue().function
                    .digits(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count))
                csqlite_result_text(call, digits, Int32(digits.utf8.count))
            }, nil, nil, { if let box = $0 { Unmanaged<Box>.fromOpaque(box).release() } })
    }
}
