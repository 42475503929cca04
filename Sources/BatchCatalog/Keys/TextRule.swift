internal import BatchCore

/// What a text must look like: as a regular expression for the JSON Schema, and as a check with words for people.
public struct TextRule: Sendable {
    /// For the JSON Schema (ECMA 262); nil when any text will do.
    public let pattern: String?
    /// Completes "write …".
    public let shape: String
    /// `{tenant}` and the like in it stand for values.
    public let hasPlaceholders: Bool
    public let accepts: @Sendable (String) -> Bool

    public init(
        pattern: String?, shape: String, hasPlaceholders: Bool = false, accepts: @escaping @Sendable (String) -> Bool
    ) {
        self.pattern = pattern
        self.shape = shape
        self.hasPlaceholders = hasPlaceholders
        self.accepts = accepts
    }

    public static let any = TextRule(pattern: nil, shape: "a text") { _ in true }
    public static let filled = TextRule(pattern: #"\S"#, shape: "a text that is not empty") { text in
        text.utf8.contains { $0 > 32 }
    }
    public static let sql = TextRule(pattern: #"\S"#, shape: "SQL") { !SQLText.isBlank($0) }
    public static let jobName = TextRule(
        pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}$", shape: JobID.rule, accepts: JobID.isValid)
    public static let parameterName = TextRule(
        pattern: "^(?!(tenant|batch)$)[A-Za-z_][A-Za-z0-9_]{0,63}$",
        shape: "\(ParameterDefinition.nameRule); 'tenant' and 'batch' are always there"
    ) { ParameterDefinition.isValidName($0) && !ParameterDefinition.builtIn.contains($0) }
    public static let version = TextRule(
        pattern:
            #"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"#,
        shape: "three numbers, e.g. 1.2.0"
    ) { SemanticVersion($0) != nil }
    public static let duration = TextRule(
        pattern: "^[1-9][0-9]{0,8}(ms|s|m|h|d)$", shape: "a time, e.g. 500ms, 2s, 5m or 1h"
    ) { Duration(text: $0) != nil }
    public static let cron = TextRule(
        pattern:
            #"^(@(yearly|annually|monthly|weekly|daily|midnight|nightly|hourly)|[0-9A-Za-z*/,?#-]+( +[0-9A-Za-z*/,?#-]+){4,5})$"#,
        shape: "five cron fields, e.g. \"0 2 * * *\", or @daily"
    ) { isCron($0) }
    public static let timezone = TextRule(
        pattern: "^[A-Za-z][A-Za-z0-9_+/-]*$", shape: "a time zone, e.g. Europe/Paris"
    ) { text in
        let letters = text.utf8
        return letters.first.map(isLetter) ?? false
            && letters.allSatisfy { isLetter($0) || ($0 >= 48 && $0 <= 57) || "_+/-".utf8.contains($0) }
    }
    public static let dayWindow = TextRule(
        pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        shape: "two times of the day, e.g. 22:00-06:00"
    ) { DayWindow($0) != nil }
    public static let dateSpan = TextRule(
        pattern: #"^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.\.[0-9]{4}-[0-9]{2}-[0-9]{2})?$"#,
        shape: "a date, e.g. 2026-12-25, or two, e.g. 2026-12-24..2027-01-01"
    ) { DateSpan($0) != nil }
    public static let address = TextRule(
        pattern: "^https?://[!-~]+$", shape: "an address, e.g. https://example.com/hook"
    ) { text in
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else { return false }
        return text.utf8.count > scheme.utf8.count && text.utf8.allSatisfy { $0 > 32 && $0 < 127 }
    }
    /// Of an export: below the workspace, and named for its format.
    public static let exportFile = TextRule(
        pattern: #"^(?!/)(?!(.*/)?\.\./).*[^/]\.([Cc][Ss][Vv]|[Jj][Ss][Oo][Nn]|[Hh][Tt][Mm][Ll]?)$"#,
        shape: "a path below the workspace that ends in .csv, .json or .html", hasPlaceholders: true
    ) { path in
        !path.isAbsolutePath && !path.pathNames.contains("..") && !path.utf8.contains(10)
            && ExportFormat(fileName: path).map { $0 != .jsonLines } ?? false
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 32) >= 97 && (byte | 32) <= 122 }

    private static func isCron(_ text: String) -> Bool {
        if text.hasPrefix("@") {
            return CronExpression.words[text] != nil
        }
        let isTrimmed = !text.hasPrefix(" ") && !text.hasSuffix(" ")
        let fields = text.split(separator: " ")
        return isTrimmed && (5...6).contains(fields.count)
            && text.utf8.allSatisfy { isLetter($0) || ($0 >= 48 && $0 <= 57) || " */,?#-".utf8.contains($0) }
    }
}
