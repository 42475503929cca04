public import BatchCore

/// What is looked for in the text of documents: `ocr_fields.yaml`.
public struct FieldRules: Sendable {
    /// In the order of the file.
    public let rules: [FieldRule]
    public let mistakes: [Diagnostic]

    /// - Parameter folder: the catalog; nil for a database given alone.
    /// - Throws: `ERR_INTEGRATION_FILE` when the file cannot be read.
    public static func load(folder: String?) throws(BatchError) -> FieldRules {
        guard let folder else { return FieldRules(rules: [], mistakes: []) }
        let file = try HealingFile(folder: folder, stem: "ocr_fields", keys)
        let rules = file.entries.map { entry in
            let node = entry.value
            return FieldRule(
                name: entry.key, after: JobNodes.texts(node["after"]) ?? [],
                shape: JobNodes.choice(node["shape"]) ?? .code,
                takes: JobNodes.choice(node["takes"]) ?? .first, begins: JobNodes.choice(node["begins"]) ?? .day)
        }
        return FieldRules(rules: rules, mistakes: file.source.diagnostics)
    }

    private static let keys = KeyTable(
        "a field of ocr_fields.yaml",
        [
            KeyRule(
                "after", .list(.text(.filled), mayBeEmpty: false), required: true,
                "The words that come before its value; the first that is found counts."),
            KeyRule(
                "shape", .choice(FieldRule.Shape.allCases.map(\.rawValue)), required: true,
                "What its value looks like."),
            KeyRule(
                "takes", .choice(FieldRule.Occurrence.allCases.map(\.rawValue)),
                "Which one counts when it is found more than once (`first`)."),
            KeyRule(
                "begins", .choice(FieldRule.DateOrder.allCases.map(\.rawValue)),
                "What comes first in a date of three numbers (`day`)."),
        ])
}
