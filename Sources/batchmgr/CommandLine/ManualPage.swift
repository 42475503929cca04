internal import BatchCore

/// `batchmgr(1)`, made from the tables, in the language of man.
public enum ManualPage {
    public static func text(_ tool: Tool) -> String {
        var parts = [
            ".TH BATCHMGR 1 \"\" \"batchmgr \(VersionReport.version)\" \"BatchManager\"",
            ".SH NAME", "batchmgr \\- run batches over SQLite databases, and undo any of them exactly",
            ".SH SYNOPSIS", ".B batchmgr", "[\\-\\-db PATH] VERB [options]",
            ".SH DESCRIPTION",
            escaped(
                """
                Without a verb it answers as status inside a workspace, and shows the help elsewhere. What a verb is about \
                may stand alone: 'batchmgr show reprice.3' is 'batchmgr show --id reprice.3'.
                """),
            ".SH OPTIONS OF EVERY VERB",
        ]
        parts += GlobalOptions.table.map { item($0.usage, $0.summary) }
        for topic in Verb.Topic.allCases {
            parts.append(".SH " + escaped(topic.rawValue.uppercased()))
            parts += tool.verbs.filter { $0.topic == topic }.map(section)
        }
        parts.append(".SH EXIT STATUS")
        parts += ExitCode.allCases.map { item("\($0.rawValue)", $0.meaning) }
        parts += [
            ".SH ENVIRONMENT",
            item("BATCHMGR_DB, BATCHMGR_WORKSPACE", "are used when neither --db nor --workspace is given"),
            item("NO_COLOR", "no colours"),
        ]
        return parts.joined(separator: "\n") + "\n"
    }

    private static func section(_ verb: Verb) -> String {
        var parts = [".SS " + escaped(verb.name), escaped(capitalised(verb.summary) + "."), ".PP", escaped(verb.usage)]
        if !verb.details.isEmpty { parts += [".PP", escaped(verb.details)] }
        parts += verb.positionals.map { item($0.usage, $0.summary) }
        parts += verb.options.map { item($0.usage, HelpText.note($0)) }
        for example in verb.examples {
            parts += [".PP", escaped(capitalised(example.meaning) + ":"), code(example.command)]
        }
        return parts.joined(separator: "\n")
    }

    private static func item(_ name: String, _ meaning: String) -> String {
        ".TP\n.B \"\(escaped(name).escaping(["\"": "\\(dq"]))\"\n\(escaped(meaning))"
    }

    private static func code(_ text: String) -> String { ".RS\n.nf\n\(escaped(text))\n.fi\n.RE" }

    private static func capitalised(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }

    /// A backslash, a dash, a caret, a quote and the first character of a line mean something to man.
    private static func escaped(_ text: String) -> String {
        let body = text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            case "`": result += "\\(ga"
            case "'": result += "\\(aq"
            case "…": result += "..."
            case "\n": result += " "
            default: result.append(character)
            }
        }
        return body.hasPrefix(".") ? "\\&" + body : body
    }
}
