/// The completion script for fish, made from the tables.
public enum FishCompletion {
    public static func script(_ tool: Tool) -> String {
        var lines = [
            "# fish completion for batchmgr: save it as ~/.config/fish/completions/batchmgr.fish",
            "complete -c batchmgr -f",
        ]
        lines += GlobalOptions.table.map { option("", $0) }
        for word in tool.firstWords {
            let summary = tool.verb(named: word)?.summary ?? "verbs of \(word)"
            lines.append("complete -c batchmgr -n __fish_use_subcommand -a \(word) -d \(quoted(summary))")
        }
        lines += tool.verbs.flatMap(verb)
        lines.append(
            "complete -c batchmgr -n '__fish_seen_subcommand_from help' -a '\(tool.firstWords.joined(separator: " "))'")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func verb(_ verb: Verb) -> [String] {
        var lines: [String] = []
        let words = verb.name.split(separator: " ").map(String.init)
        if let group = verb.group, let second = words.last {
            lines.append(
                "complete -c batchmgr -n '__fish_seen_subcommand_from \(group)' -a \(second) -d \(quoted(verb.summary))"
            )
        }
        let seen = words.map { "__fish_seen_subcommand_from \($0)" }.joined(separator: "; and ")
        lines += verb.options.map { option("-n '\(seen)' ", $0) }
        for positional in verb.positionals {
            switch positional.argument {
            case .choice(let choices):
                lines.append("complete -c batchmgr -n '\(seen)' -a '\(choices.joined(separator: " "))'")
            case .file: lines.append("complete -c batchmgr -n '\(seen)' -F")
            case .text, .folder, .number, .pair: break
            }
        }
        return lines
    }

    private static func option(_ condition: String, _ option: Option) -> String {
        "complete -c batchmgr \(condition)-l \(option.name)\(value(option.argument)) -d \(quoted(option.summary))"
    }

    private static func value(_ argument: OptionArgument?) -> String {
        switch argument {
        case nil: ""
        case .file: " -r -F"
        case .folder: " -x -a '(__fish_complete_directories)'"
        case .choice(let words): " -x -a '\(words.joined(separator: " "))'"
        case .text, .number, .pair: " -x"
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.reduce(into: "") { $0 += $1 == "'" || $1 == "\\" ? "\\\($1)" : "\($1)" } + "'"
    }
}
