internal import BatchCore
internal import BatchEngine

/// The completion script for zsh, made from the tables.
public enum ZshCompletion {
    public static func script(_ tool: Tool) -> String {
        """
        #compdef batchmgr
        # zsh completion for batchmgr. Load it with: source <(batchmgr completion zsh)
        _batchmgr_names() {
            local -a names
            names=("${(@f)$("${words[1]}" "${place[@]}" completion --names "$1" 2> /dev/null)}")
            compadd -- "${(@)names:#}"
        }
        _batchmgr_second() {
            if [ -n "$subject" ]; then _batchmgr_names "$2:$subject"; else _batchmgr_names "$1"; fi
        }
        _batchmgr() {
            local verb="" known="" subject="" word state line
            local -a place
            # _arguments sets $words anew.
            local -a given=("${words[@]}")
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
                    \(valueOptions)) (( index++ ))
                        case "$word" in \(GlobalOptions.places)) (( index < CURRENT )) && place+=("$word" "${(Q)given[index]}") ;; esac ;;
                    -*) ;;
                    *) [ -z "$known" ] || [ -n "$subject" ] \\
                            || case "${words[index-1]}" in --name|[^-]*) subject="${word%%:*}" ;; esac
                        [ -n "$known" ] || verb="${verb:+$verb }$word"
                        case "$verb" in \(groupPattern(tool))) ;; *) known=1 ;; esac ;;
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
        tool.groups.isEmpty ? "''" : tool.groups.map { "'\($0)'" }.joined(separator: "|")
    }

    private static func verbs(_ tool: Tool) -> String {
        tool.firstWords.map { word in
            let summary = tool.verb(named: word)?.summary ?? "verbs of \(word)"
            return "        '\(word):\(escaped(summary))'"
        }.joined(separator: "\n")
    }

    private static func cases(_ tool: Tool) -> String {
        var lines: [String] = []
        for group in tool.groups {
            lines.append("        '\(group)') compadd -- \(tool.words(after: group).joined(separator: " ")) ;;")
        }
        for verb in tool.verbs {
            let options = specifications(verb.options, separator: " ")
            lines.append("        '\(verb.name)') _arguments $globals \(options) \(rest(verb, tool)) ;;")
        }
        return lines.joined(separator: "\n")
    }

    /// One rule for all words: the verb itself is one of them, and without a rule zsh offers nothing after it.
    private static func rest(_ verb: Verb, _ tool: Tool) -> String {
        if verb == .help { return "'*:VERB:(\(tool.firstWords.joined(separator: " ")))'" }
        if verb.positionals.isEmpty, let request = verb.mainRequest, let argument = verb.mainOption?.argument {
            return "'*:\(escaped(argument.placeholder)):{_batchmgr_\(request)}'"
        }
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

    private static func action(_ argument: Option.Argument) -> String {
        switch argument {
        case .file: "_files"
        case .folder: "_files -/"
        case .choice(let words): "(\(words.joined(separator: " ")))"
        case .text, .number, .pair: argument.names.map { "{_batchmgr_\($0.request)}" } ?? " "
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
