/// `docs/cli.md`, made from the tables.
public enum CommandReference {
    public static func markdown(_ tool: Tool) -> String {
        var parts = [
            opening, "## Options of every verb\n\n" + table(GlobalOptions.table.map { ($0.usage, $0.summary) }),
        ]
        parts += tool.verbs.map(section)
        parts.append(exitCodes)
        return parts.joined(separator: "\n")
    }

    private static let opening = """
        # Command line

        <!-- Written by `batchmgr help --markdown > docs/cli.md`; a test compares. Edit the tables, not this file. -->

        `batchmgr [--db PATH] VERB [options]`. Values are written `--name value` or `--name=value`; `--` ends the options.
        With `--json` each verb prints exactly one JSON document with `format_version` on standard output, errors too.
        Progress and hints go to standard error, progress only when that is a terminal.

        """

    private static func section(_ verb: Verb) -> String {
        var text = "## \(verb.name)\n\n\(verb.summary.prefix(1).uppercased() + verb.summary.dropFirst()).\n\n"
        if !verb.details.isEmpty { text += TextWrap.wrap(verb.details, width: 118).joined(separator: "\n") + "\n\n" }
        text += "```\n\(verb.usage)\n```\n"
        let rows =
            verb.positionals.map { ($0.usage, $0.summary) }
            + verb.options.map { ($0.usage, $0.summary + ($0.isRequired ? " (required)" : "")) }
        if !rows.isEmpty { text += "\n" + table(rows) }
        if !verb.examples.isEmpty {
            let examples = verb.examples.map { "# \($0.meaning)\n\($0.command)\n" }
            text += "\n```sh\n" + examples.joined(separator: "\n") + "```\n"
        }
        return text
    }

    private static func table(_ rows: [(String, String)]) -> String {
        "| option | meaning |\n|---|---|\n"
            + rows.map { "| `\(escaped($0.0))` | \(escaped($0.1)) |\n" }.joined()
    }

    /// A bar would end the table's cell, in code too.
    private static func escaped(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }

    private static var exitCodes: String {
        "## Exit codes\n\n| code | meaning |\n|---|---|\n"
            + ExitCode.allCases.map { "| \($0.rawValue) | \($0.meaning) |\n" }.joined()
            + "\nEvery error with its code, class and what to do: [errors.md](errors.md).\n"
    }
}

extension ExitCode {
    /// For people, in one phrase.
    public var meaning: String {
        switch self {
        case .done: "done"
        case .stepFailed: "a step failed, or something beside the database did"
        case .usage: "wrong command line, configuration or catalog; or the file is no database"
        case .refusedByPolicy: "refused by policy"
        case .refusedByDependents: "refused: dependents are live, or rows were changed since"
        case .noRestorePoint: "no valid restore point"
        case .integrityViolation: "integrity violation found"
        case .waitingForApproval: "waiting for approval"
        case .busy: "busy, try again"
        case .stopped: "stopped at a checkpoint; can be resumed"
        }
    }
}
