/// Help for people, made from the tables.
public enum HelpText {
    /// - Parameter words: none for the tool; a group or a verb otherwise.
    /// - Throws: `ERR_UX_USAGE` when there is no such verb.
    public static func text(_ words: [String], _ tool: Tool, width: Int) throws(BatchError) -> String {
        guard let first = words.first else { return overview(tool, width) }
        if let verb = tool.verb(named: words.joined(separator: " ")) { return text(verb, width) }
        let group = tool.verbs(inGroup: first)
        guard words.count == 1, !group.isEmpty else {
            let known = words.count == 1 ? tool.firstWords : tool.verbs.map(\.name)
            throw .unknown("verb", words.joined(separator: " "), among: known, hint: "see all verbs: batchmgr --help")
        }
        return lines("Verbs of \(first):", group.map { ($0.name, $0.summary) }, width) + "\n"
            + "The options of one: batchmgr \(first) VERB --help\n"
    }

    private static func overview(_ tool: Tool, _ width: Int) -> String {
        """
        batchmgr \(Tool.version): run batches over SQLite databases, and undo any of them exactly.

        Usage: batchmgr [--db PATH] VERB [options]

        \(lines("Verbs:", tool.verbs.map { ($0.name, $0.summary) }, width))
        \(lines("Options of every verb:", GlobalOptions.table.map { ($0.usage, $0.summary) }, width))
        The options of one verb: batchmgr VERB --help

        """
    }

    private static func text(_ verb: Verb, _ width: Int) -> String {
        var parts = ["batchmgr \(verb.name): \(verb.summary).\n", "Usage: \(verb.usage)\n"]
        if !verb.details.isEmpty {
            parts.append(TextWrap.wrap(verb.details, width: width).joined(separator: "\n") + "\n")
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

    private static func note(_ option: Option) -> String {
        option.isRequired ? option.summary + " (required)" : option.summary
    }

    /// Names in one column, what they mean in the next; a long name pushes its meaning to the next line.
    private static func lines(_ title: String, _ rows: [(String, String)], _ width: Int) -> String {
        let column = min(rows.map { $0.0.count }.max() ?? 0, 26) + 4
        let indent = String(repeating: " ", count: column)
        var text = title + "\n"
        for (name, meaning) in rows {
            let wrapped = TextWrap.wrap(meaning, width: width - column).joined(separator: "\n" + indent)
            let fits = name.count + 4 <= column
            text += "  " + name + (fits ? String(indent.dropFirst(name.count + 2)) : "\n" + indent) + wrapped + "\n"
        }
        return text
    }
}
