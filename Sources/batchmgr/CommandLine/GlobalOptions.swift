public import BatchCore

/// The options that every verb takes, before or after its name.
public struct GlobalOptions: Hashable, Sendable {
    /// One JSON document on standard output, errors too.
    public var isJSON = false
    public var isQuiet = false
    /// Every question is answered with yes.
    public var assumesYes = false
    /// A question is an error instead.
    public var isNonInteractive = false
    public var tenant: String?
    /// The folder with `batchmgr.yaml`; nil: found by walking up from the current folder.
    public var workspace: String?
    /// A SQLite file to work on without a workspace.
    public var database: String?
    /// One of several databases of the workspace.
    public var databaseName: String?
    /// `--no-color`; the environment variable `NO_COLOR` is the terminal's affair.
    public var isPlain = false

    public init() {}

    public var call: CallOptions {
        CallOptions(database: database, workspace: workspace, name: databaseName, tenant: tenant)
    }

    public static let table: [Option] = [
        .value("db", .file("PATH"), "work on this SQLite file; no workspace is needed (also: BATCHMGR_DB)"),
        .value(
            "workspace", .folder("DIR"),
            "the folder with batchmgr.yaml (default: found by walking up; also: BATCHMGR_WORKSPACE)"),
        .value("database", .text("NAME"), "one of several databases of the workspace"),
        .value("tenant", .text("TENANT"), "the owner of the rows to work on"),
        .flag("json", "print one JSON document on standard output, errors too"),
        .flag("quiet", "print nothing when all is well; no progress, no remarks (also: -q)"),
        .flag("yes", "answer every question with yes (also: -y)"),
        .flag("no-input", "ask nothing; a question is an error"),
        .flag("no-color", "no colours (also: NO_COLOR in the environment)"),
        .flag("help", "show help (also: -h)"),
    ]

    /// What the environment says where the options say nothing: an option for either wins over both variables.
    mutating func adopt(environment: (String) -> String?) {
        guard database == nil, workspace == nil else { return }
        func value(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        database = value("BATCHMGR_DB")
        if database == nil { workspace = value("BATCHMGR_WORKSPACE") }
    }

    /// Whether errors of parsing itself have to be JSON.
    public static func wantJSON(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains("--json")
    }

    /// Which database is meant, as far as a line says so that cannot be read as a whole: hints are about the same one.
    mutating func adoptPlaces(of arguments: [String]) {
        let words = Array(arguments.prefix { $0 != "--" })
        for (index, word) in words.enumerated() where word.hasPrefix("--") {
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let next = index + 1 < words.count && !words[index + 1].hasPrefix("--") ? words[index + 1] : nil
            guard let name = parts.first, ["db", "workspace", "database", "tenant"].contains(name),
                let value = parts.count > 1 ? String(parts[1]) : next, !value.isEmpty
            else { continue }
            _ = take(String(name), value)
        }
    }

    /// - Returns: false when this is not a global option.
    mutating func take(_ name: String, _ value: String) -> Bool {
        switch name {
        case "db": database = value
        case "database": databaseName = value
        case "workspace": workspace = value
        case "tenant": tenant = value
        case "json": isJSON = true
        case "quiet": isQuiet = true
        case "yes": assumesYes = true
        case "no-input": isNonInteractive = true
        case "no-color": isPlain = true
        default: return false
        }
        return true
    }
}
