internal import BatchCore
internal import BatchLedger

/// The third argument of `batch_begin`: a JSON object.
struct BatchOptions {
    var actor = SystemActor.name
    var trace: String?
    var key: String?
    var version: String?
    var parameters: String?
    /// Record with TEMP triggers where there is a hook too.
    var isTriggered = false
    /// Beside those of the database.
    var protected: [String] = []
    /// For databases that no workspace has told theirs.
    var tenantColumn: String?
    var sharedTables: Set<String> = []
    var limits = WriteLimits()

    private static let keys = [
        "actor", "trace_id", "key", "version", "parameters", "protected", "shared_tables", "tenant_column", "limits",
        "capture",
    ]

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
            case "capture":
                let capture = try BatchOptions.text(member)
                guard ["hook", "triggers"].contains(capture) else {
                    throw BatchOptions.wrong("option capture is hook or triggers")
                }
                isTriggered = capture == "triggers"
            case "tenant_column": tenantColumn = try BatchOptions.text(member)
            case "protected": protected = try BatchOptions.names(member)
            case "shared_tables": sharedTables = Set(try BatchOptions.names(member))
            case "limits":
                guard let read = WriteLimits(json: member.value), BatchOptions.hasLimits(member.value) else {
                    throw BatchOptions.wrong("option limits cannot be read: rows, tables, deleted_share")
                }
                limits = read
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

    private static func names(_ member: JSONValue.Member) throws(BatchError) -> [String] {
        guard let list = member.value.array else { throw wrong("option \(member.key) is no list of names") }
        let names = list.compactMap(\.string)
        guard names.count == list.count else { throw wrong("option \(member.key) is no list of names") }
        return names
    }

    private static func hasLimits(_ value: JSONValue) -> Bool {
        value.members?.allSatisfy { ["rows", "tables", "deleted_share"].contains($0.key) } ?? false
    }

    private static func wrong(_ what: String) -> BatchError {
        BatchError(.usage, what, hint: "options are a JSON object: \(keys.joined(separator: ", "))")
    }
}
