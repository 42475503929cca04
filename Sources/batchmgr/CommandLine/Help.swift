public import BatchCore

/// Help for people, made from the tables.
public enum HelpText {
    /// - Parameter words: none for the tool; a group or a verb otherwise.
    /// - Throws: `ERR_UX_USAGE` when there is no such verb.
    public static func text(_ words: [String], _ tool: Tool, width: Int) throws(BatchError) -> String {
        if words.isEmpty { return overview(tool, width) }
        if let verb = tool.verb(named: words.joined(separator: " ")) { return text(verb, width) }
        let name = words.joined(separator: " ")
        let group = tool.verbs.filter { $0.name.hasPrefix(name + " ") }
        guard !group.isEmpty else {
            let known = words.count == 1 ? tool.firstWords : tool.verbs.map(\.name)
            throw .unknown(
                "verb", words.joined(separator: " "), among: known, hint: "see all verbs: \(command: "--help")")
        }
        return lines("Verbs of \(name):", group.map { ($0.name, $0.summary) }, width) + "\n"
            + "The options of one: batchmgr \(name) VERB --help\n"
    }

    private static func overview(_ tool: Tool, _ width: Int) -> String {
        """
        batchmgr \(VersionReport.version): run batches over SQLite databases, and undo any of them exactly.

        Usage: batchmgr [--db PATH] VERB [options]

        \(topics(tool, width))
        \(lines("Options of every verb:", GlobalOptions.table.map { ($0.usage, $0.summary) }, width))
        The options of one verb: batchmgr VERB --help

        """
    }

    /// Every verb under its heading, all in one pair of columns.
    private static func topics(_ tool: Tool, _ width: Int) -> String {
        let column = tool.verbs.map(\.name.count).max() ?? 0
        return Verb.Topic.allCases.map { topic in
            let verbs = tool.verbs.filter { $0.topic == topic }
            return lines(topic.rawValue + ":", verbs.map { ($0.name, $0.summary) }, width, widest: column)
        }.joined(separator: "\n")
    }

    private static func text(_ verb: Verb, _ width: Int) -> String {
        var parts = ["batchmgr \(verb.name): \(verb.summary).\n", "Usage: \(verb.usage)\n"]
        if !verb.details.isEmpty {
            parts.append(verb.details.wrapped(width: width).joined(separator: "\n") + "\n")
        }
        let arguments = verb.positionals.map { ($0.usage, $0.summary) } + verb.options.map { ($0.usage, note($0)) }
        if !arguments.isEmpty { parts.append(lines("Options:", arguments, width)) }
        if !verb.examples.isEmpty {
            let examples = verb.examples.map { "  \($0.command)\n      \($0.meaning)\n" }
            parts.append("Examples:\n" + examples.joined())
        }
        parts.append("Options of every verb (--db, --json, …): batchmgr --help\n")
        return parts.joined(separator: "\n")
    }

    /// What an option means, and whether it or its name may be left out.
    static func note(_ option: Option) -> String {
        let notes =
            (option.isRequired ? ["required"] : []) + (option.isMain ? ["--\(option.name) may be left out"] : [])
        return notes.isEmpty ? option.summary : "\(option.summary) (\(notes.joined(separator: "; ")))"
    }

    /// Names in one column, what they mean in the next; a long name pushes its meaning to the next line.
    private static func lines(_ title: String, _ rows: [(String, String)], _ width: Int, widest: Int = 0) -> String {
        let column = min(max(widest, rows.map { $0.0.count }.max() ?? 0), 26) + 4
        let indent = String(repeating: " ", count: column)
        var text = title + "\n"
        for (name, meaning) in rows {
            let wrapped = meaning.wrapped(width: width - column).joined(separator: "\n" + indent)
            let fits = name.count + 4 <= column
            text += "  " + name + (fits ? String(indent.dropFirst(name.count + 2)) : "\n" + indent) + wrapped + "\n"
        }
        return text
    }
}

/// The tables as a JSON document, for programs.
public struct HelpDocument: Report {
    public let verbs: [Verb]

    public init(verbs: [Verb]) { self.verbs = verbs }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("version", .string(VersionReport.version)),
            .init("verbs", .array(verbs.map(document))),
            .init("global_options", .array(GlobalOptions.table.map(document))),
        ]
    }

    private func document(_ verb: Verb) -> JSONValue {
        [
            "name": .string(verb.name), "summary": .string(verb.summary), "usage": .string(verb.usage),
            "role": JSONValue(verb.role?.rawValue),
            "arguments": .array(
                verb.positionals.map { ["name": .string($0.argument.placeholder), "summary": .string($0.summary)] }),
            "options": .array(verb.options.map(document)),
        ]
    }

    private func document(_ option: Option) -> JSONValue {
        var choices = JSONValue.null
        if case .choice(let words) = option.argument { choices = .array(words.map(JSONValue.string)) }
        return [
            "name": .string("--" + option.name), "value": JSONValue(option.argument?.placeholder), "choices": choices,
            "required": .bool(option.isRequired), "repeats": .bool(option.repeats),
            "summary": .string(option.summary),
        ]
    }
}

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
        What a verb is about may stand alone: `batchmgr show reprice.3` is `batchmgr show --id reprice.3`.
        Letters: `-h` help, `-n` `--dry-run`, `-q` `--quiet`, `-y` `--yes`, `-V` version, also several at once (`-qy`).
        Without a verb `batchmgr` answers as `status` inside a workspace, and shows the help elsewhere.
        `BATCHMGR_DB` and `BATCHMGR_WORKSPACE` are used when neither `--db` nor `--workspace` is given.
        Durations: `90s`, `15m`, `2h`, `7d`. A file called `-` is standard input.
        With `--json` each verb prints exactly one JSON document with `format_version` on standard output, errors too.
        Progress and hints go to standard error, progress only when that is a terminal.

        """

    private static func section(_ verb: Verb) -> String {
        var text = "## \(verb.name)\n\n\(verb.summary.prefix(1).uppercased() + verb.summary.dropFirst()).\n\n"
        if !verb.details.isEmpty { text += verb.details.wrapped(width: 118).joined(separator: "\n") + "\n\n" }
        text += "```\n\(verb.usage)\n```\n"
        let rows =
            verb.positionals.map { ($0.usage, $0.summary) }
            + verb.options.map { ($0.usage, HelpText.note($0)) }
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
        case .stepFailed: "a step failed, or something outside the database did"
        case .usage: "wrong command line, configuration or catalog; or the file is not a database"
        case .refusedByPolicy: "refused by policy"
        case .refusedByDependents: "refused: later batches depend on it, or rows were changed since"
        case .noRestorePoint: "no valid restore point"
        case .integrityViolation: "integrity violation found"
        case .waitingForApproval: "waiting for approval"
        case .pointPending:
            "done, but its restore point is pending or the answer could not be written: do not run it again"
        case .drift: "verify: nothing is damaged, but the database was changed outside any batch"
        case .busy: "busy, try again"
        case .stopped: "stopped as asked: a batch at a checkpoint, and it can be resumed"
        }
    }
}

extension String {
    /// Running text as lines of at most `width` characters, broken at spaces; a longer word stands alone. Never narrower
    /// than 20.
    func wrapped(width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > max(width, 20) {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        return lines + [line]
    }
}
