internal import BatchCore
internal import BatchLedger

/// The third argument of `batch_begin`: a JSON object.
struct BatchOptions {
    var actor = SystemActor.name
    var trace: String?
    var key: String?
    var version: String?
    var parameters: String?

    private static let keys = ["actor", "trace_id", "key", "version", "parameters"]

    init() {}

    /// - Throws: `ERR_UX_USAGE` for text that is no such object, and for a key that nobody knows.
    init(_ text: String) throws(BatchError) {
        let document: JSONValue
        do { document = try JSONParser.parse(text) } catch {
            throw BatchOptions.wrong("the options are no JSON")
        }
        guard let members = document.members else { throw BatchOptions.wrong("the options are no JSON object") }
        for member in members {
            switch member.key {
            case "actor": actor = try BatchOptions.text(member)
            case "trace_id": trace = try BatchOptions.text(member)
            case "key": key = try BatchOptions.text(member)
            case "version": version = try BatchOptions.text(member)
            case "parameters":
                guard member.value.members != nil else { throw BatchOptions.wrong("option parameters is no object") }
                parameters = JSONWriter.text(member.value)
            default:
                let meant = Suggestion.clause(for: member.key, in: BatchOptions.keys)
                throw BatchOptions.wrong("there is no option '\(member.key)'\(meant)")
            }
        }
    }

    private static func text(_ member: JSONValue.Member) throws(BatchError) -> String {
        guard let text = member.value.string, !text.isEmpty, text.utf8.count <= 1_000, !text.contains("\0") else {
            throw wrong("option \(member.key) is no text of 1 to 1,000 bytes")
        }
        return text
    }

    private static func wrong(_ what: String) -> BatchError {
        BatchError(.usage, what, hint: "options are a JSON object: \(keys.joined(separator: ", "))")
    }
}
