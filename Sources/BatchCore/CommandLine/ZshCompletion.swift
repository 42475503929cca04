/// The completion script for zsh, made from the tables.
public enum ZshCompletion {
    public static func script(_ tool: Tool) -> String {
        """
        #compdef batchmgr
        # zsh completion for batchmgr. Load it with: source <(batchmgr completion zsh)
        _batchmgr() {
            local verb="" word state line
            local -a verbs globals
            verbs=(
        \(verbs(tool))
            )
            globals=(
        \(specifications(GlobalOptions.table))
            )
            local index=2
            while (( index < CURRENT )); do
                word="${words[index]}"
                case "$word" in
                    \(valueOptions)) (( index++ )) ;;
                    -*) ;;
                    *) verb="${verb:+$verb }$word"
                        case "$verb" in \(groupPattern(tool))) ;; *) break ;; esac ;;
                esac
                (( index++ ))
            done
            case "$verb" in
        \(cases(tool))
                *) _arguments $globals; _describe -t verbs verb verbs ;;
            esac
        }
        if [ "$funcstack[1]" = "_batchmgr" ]; then _batchmgr "$@"; else compdef _batchmgr batchmgr; fi

        """
    }

    private static var valueOptions: String {
        GlobalOptions.table.filter { $0.argument != nil }.map { "--\($0.name)" }.joined(separator: "|")
    }

    private static func groupPattern(_ tool: Tool) -> String {
        let groups = tool.firstWords.filter { tool.verb(named: $0) == nil }
        return groups.isEmpty ? "''" : groups.joined(separator: "|")
    }

    private static func verbs(_ tool: Tool) -> String {
        tool.firstWords.map { word in
            let summary = tool.verb(named: word)?.summary ?? "verbs of \(word)"
            return "        '\(word):\(escaped(summary))'"
        }.joined(separator: "\n")
    }

    private static func cases(_ tool: Tool) -> String {
        var lines: [String] = []
        for group in tool.firstWords where tool.verb(named: group) == nil {
            let seconds = tool.verbs(inGroup: group).map { $0.name.dropFirst(group.count + 1) }.joined(separator: " ")
            lines.append("        \(group)) compadd -- \(seconds) ;;")
        }
        for verb in tool.verbs {
            let options = specifications(verb.options, separator: " ")
            lines.append("        '\(verb.name)') _arguments $globals \(options) \(rest(verb, tool)) ;;")
        }
        return lines.joined(separator: "\n")
    }

    /// One rule for all words: the verb itself is one of them, and without a rule zsh offers nothing behind it.
    private static func rest(_ verb: Verb, _ tool: Tool) -> String {
        if verb == .help { return "'*:VERB:(\(tool.firstWords.joined(separator: " ")))'" }
        guard let argument = verb.positionals.first?.argument else { return "'*: : '" }
        return "'*:\(escaped(argument.placeholder)):\(action(argument))'"
    }

    private static func specifications(_ options: [Option], separator: String = "\n") -> String {
        options.map { option in
            let value = option.argument.map { ":\(escaped($0.placeholder)):\(action($0))" } ?? ""
            return "\(separator == "\n" ? "        " : "")'\(option.repeats ? "*" : "")--\(option.name)"
                + "[\(escaped(option.summary))]\(value)'"
        }.joined(separator: separator)
    }

    private static func action(_ argument: OptionArgument) -> String {
        switch argument {
        case .file: "_files"
        case .folder: "_files -/"
        case .choice(let words): "(\(words.joined(separator: " ")))"
        case .text, .number, .pair: " "
        }
    }

    /// Quotes, colons and brackets mean something in a specification.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "'": result += "'\\''"
            case ":", "[", "]", "\\": result += "\\\(character)"
            default: result.append(character)
            }
        }
    }
}
