/// The completion script for bash, made from the tables.
///
/// The words are in `case` tables, so completion starts no process: it is as fast as bash itself.
public enum BashCompletion {
    public static func script(_ tool: Tool) -> String {
        """
        # bash completion for batchmgr. Load it with: source <(batchmgr completion bash)
        _batchmgr() {
            local current="${COMP_WORDS[COMP_CWORD]}" previous="" verb="" index word
            [ "$COMP_CWORD" -gt 0 ] && previous="${COMP_WORDS[COMP_CWORD-1]}"
            # bash breaks words at "=": --mode=cas arrives as "--mode" "=" "cas".
            if [ "$current" = "=" ]; then current=""
            elif [ "$previous" = "=" ]; then previous="${COMP_WORDS[COMP_CWORD-2]}"; fi
            for ((index = 1; index < COMP_CWORD; index++)); do
                word="${COMP_WORDS[index]}"
                case "$word" in
                    \(valueOptions(GlobalOptions.table))) ((index++)); [ "${COMP_WORDS[index]}" = "=" ] && ((index++)) ;;
                    -*) ;;
                    *) verb="${verb:+$verb }$word"
                        case "$verb" in \(groupPattern(tool))) ;; *) break ;; esac ;;
                esac
            done
            COMPREPLY=()
            case "$verb $previous" in
        \(values(tool))
            esac
            case "$verb" in
        \(words(tool))
            esac
        }
        complete -o filenames -F _batchmgr batchmgr

        """
    }

    private static func valueOptions(_ options: [Option]) -> String {
        options.filter { $0.argument != nil }.map { "--\($0.name)" }.joined(separator: "|")
    }

    private static func groupPattern(_ tool: Tool) -> String {
        let groups = tool.firstWords.filter { tool.verb(named: $0) == nil }
        return groups.isEmpty ? "''" : groups.joined(separator: "|")
    }

    /// What may follow an option that takes a value.
    private static func values(_ tool: Tool) -> String {
        let own = tool.verbs.flatMap { verb in
            verb.options.compactMap { option in line("\"\(verb.name) --\(option.name)\"", option.argument) }
        }
        let global = GlobalOptions.table.compactMap { line("*\" --\($0.name)\"", $0.argument) }
        return (own + global).joined(separator: "\n")
    }

    private static func line(_ pattern: String, _ argument: OptionArgument?) -> String? {
        argument.map { "        \(pattern)) \(reply($0)); return ;;" }
    }

    private static func reply(_ argument: OptionArgument) -> String {
        switch argument {
        case .file: "COMPREPLY=($(compgen -f -- \"$current\"))"
        case .folder: "COMPREPLY=($(compgen -d -- \"$current\"))"
        case .choice(let words): reply(words)
        case .text, .number, .pair: ":"
        }
    }

    private static func reply(_ words: [String]) -> String {
        "COMPREPLY=($(compgen -W \"\(words.joined(separator: " "))\" -- \"$current\"))"
    }

    /// What may stand where an option or a positional is expected.
    private static func words(_ tool: Tool) -> String {
        let globals = GlobalOptions.table.map { "--\($0.name)" }
        var lines = ["        \"\") \(reply(tool.firstWords + globals)) ;;"]
        for group in tool.firstWords where tool.verb(named: group) == nil {
            let seconds = tool.verbs(inGroup: group).map { String($0.name.dropFirst(group.count + 1)) }
            lines.append("        \(group)) \(reply(seconds)) ;;")
        }
        for verb in tool.verbs {
            lines.append("        \"\(verb.name)\") \(reply(words(verb, tool) + globals))\(files(verb)) ;;")
        }
        return lines.joined(separator: "\n")
    }

    private static func words(_ verb: Verb, _ tool: Tool) -> [String] {
        var words = verb.options.map { "--\($0.name)" }
        for positional in verb.positionals {
            if case .choice(let choices) = positional.argument { words += choices }
        }
        return verb == .help ? words + tool.firstWords : words
    }

    private static func files(_ verb: Verb) -> String {
        let takesFiles = verb.positionals.contains { if case .file = $0.argument { true } else { false } }
        return takesFiles ? "; COMPREPLY+=($(compgen -f -- \"$current\"))" : ""
    }
}
