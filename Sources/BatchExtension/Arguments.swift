internal import BatchCore
internal import CSQLite

/// The arguments of one call. Positions are counted from 0.
struct Arguments {
    let function: String
    private let values: UnsafeMutablePointer<OpaquePointer?>?
    let count: Int

    init(function: String, values: UnsafeMutablePointer<OpaquePointer?>?, count: Int) {
        self.function = function
        self.values = values
        self.count = count
    }

    /// NULL where there is no such argument.
    func value(_ position: Int) -> SQLValue {
        guard position >= 0, position < count, let value = values?[position] else { return .null }
        return HostValue.read(value)
    }

    /// - Throws: `ERR_UX_USAGE` when it is no text.
    func text(_ position: Int, _ name: String) throws(BatchError) -> String {
        guard let text = try optionalText(position, name) else { throw wrong(name, "is NULL") }
        return text
    }

    /// Nil for NULL and for an argument that was left out.
    func optionalText(_ position: Int, _ name: String) throws(BatchError) -> String? {
        guard size(position) <= Arguments.longestText else { throw wrong(name, "is too long") }
        switch value(position) {
        case .null: return nil
        case .text(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self), !text.contains("\0") else {
                throw wrong(name, "is not valid UTF-8 text")
            }
            return text
        default: throw wrong(name, "is no text")
        }
    }

    /// In bytes, without a copy of them.
    private func size(_ position: Int) -> Int32 {
        guard position >= 0, position < count, let value = values?[position] else { return 0 }
        return sqlite3_value_bytes(value)
    }

    private static let longestText: Int32 = 1 << 20

    private func wrong(_ name: String, _ what: String) -> BatchError {
        BatchError(.usage, "the argument \(name) \(what)", hint: "see docs/extension.md: \(function)")
    }
}
