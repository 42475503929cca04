internal import BatchCore
internal import BatchEngine

extension Option.Argument {
    /// The names that may stand there: the shell asks for them when it needs them.
    fileprivate var names: Candidates? {
        guard case .text(let placeholder) = self else { return nil }
        switch placeholder {
        case "JOB": return .jobs
        case "BATCH": return .batches
        case "POINT", "P1", "P2": return .points
        case "TABLE": return .tables
        case "TENANT": return .tenants
        case "SWITCH": return .switches
        case "VALUE": return .values
        case "PLAN": return .plans
        case "RUNBOOK": return .runbooks
        case "INCIDENT": return .incidents
        case "RELEASE": return .releases
        case "CONTRACT": return .contracts
        case "RULE": return .rules
        case "MODULE": return .modules
        default: return nil
        }
    }
}

extension Candidates {
    /// What a shell asks for: the values are those of the switch that is typed already.
    fileprivate var request: String { self == .values ? "second values values" : "names \(rawValue)" }
}

extension Verb {
    /// The same for what the verb is about, which may stand alone; nil when its names are not known.
    fileprivate var mainRequest: String? {
        let names = mainOptions.map { $0.argument?.names }
        guard let first = names.first.flatMap({ $0 }) else { return nil }
        if names.count == 2, let second = names[1] { return "second \(first.rawValue) \(second.rawValue)" }
        return first.request
    }
}

extension GlobalOptions {
    /// Options that say which database is meant, for a pattern of `case`.
    fileprivate static let places = "--db|--workspace|--database|--tenant"
}

/// The completion script for bash, made from the tables.
///
/// The words are in `case` tables, so that completion of verbs and options starts no process; names of jobs, batches and
/// tables are asked for.
public enum BashCompletion {
    public static func script(_ tool: Tool) -> String {
        """
        # bash completion for batchmgr. Load it with: source <(batchmgr completion bash)
        _batchmgr_names() {
            local name
            while IFS= read -r name; do
                [[ "$name" == "$glued$current"* ]] && COMPREPLY+=("${name#"$glued"}")
            done < <("${COMP_WORDS[0]}" "${place[@]}" completion --names "$1" 2> /dev/null)
            return 0
        }
        _batchmgr_second() {
            if [ -n "$glued" ] || [ -z "$subject" ]; then _batchmgr_names "$1"; else _batchmgr_names "$2:$subject"; fi
        }
        _batchmgr() {
            local current="${COMP_WORDS[COMP_CWORD]}" previous="" verb="" known="" subject="" glued="" index word value place=()
            [ "$COMP_CWORD" -gt 0 ] && previous="${COMP_WORDS[COMP_CWORD-1]}"
            # bash breaks words at "=": --mode=cas arrives as "--mode" "=" "cas".
            if [ "$current" = "=" ]; then current=""
            elif [ "$previous" = "=" ]; then previous="${COMP_WORDS[COMP_CWORD-2]}"
            # And at ":": job:raise arrives as "job" ":" "raise".
            elif [ "$current" = ":" ]; then glued="$previous:" current="" previous="${COMP_WORDS[COMP_CWORD-2]}"
            elif [ "$previous" = ":" ]; then
                glued="${COMP_WORDS[COMP_CWORD-2]}:"
                [ "$COMP_CWORD" -gt 2 ] && previous="${COMP_WORDS[COMP_CWORD-3]}"
            fi
            for ((index = 1; index < COMP_CWORD; index++)); do
                word="${COMP_WORDS[index]}"
                case "$word" in
                    \(valueOptions(GlobalOptions.table))) ((index++)); [ "${COMP_WORDS[index]}" = "=" ] && ((index++))
                        value="${COMP_WORDS[index]//[\\\"\\']/}"
                        case "$word" in \(GlobalOptions.places)) [ "$index" -lt "$COMP_CWORD" ] && place+=("$word" "$value") ;; esac ;;
                    -*) ;;
                    *) [ -z "$known" ] || [ -n "$subject" ] \\
                            || case "${COMP_WORDS[index-1]}" in --name|[!-]*) subject="${word%%:*}" ;; esac
                        [ -n "$known" ] || verb="${verb:+$verb }$word"
                        case "$verb" in \(groupPattern(tool))) ;; *) known=1 ;; esac ;;
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
        tool.groups.isEmpty ? "''" : tool.groups.map { "'\($0)'" }.joined(separator: "|")
    }

    /// What may follow an option that takes a value.
    private static func values(_ tool: Tool) -> String {
        let own = tool.verbs.flatMap { verb in
            verb.options.compactMap { option in line("\"\(verb.name) --\(option.name)\"", option.argument) }
        }
        let global = GlobalOptions.table.compactMap { line("*\" --\($0.name)\"", $0.argument) }
        return (own + global).joined(separator: "\n")
    }

    private static func line(_ pattern: String, _ argument: Option.Argument?) -> String? {
        argument.map { "        \(pattern)) \(reply($0)); return ;;" }
    }

    private static func reply(_ argument: Option.Argument) -> String {
        switch argument {
        case .file: "COMPREPLY=($(compgen -f -- \"$current\"))"
        case .folder: "COMPREPLY=($(compgen -d -- \"$current\"))"
        case .choice(let words): reply(words)
        case .text, .number, .pair: argument.names.map(ask) ?? ":"
        }
    }

    private static func ask(_ names: Candidates) -> String { "_batchmgr_\(names.request)" }

    private static func reply(_ words: [String]) -> String {
        "COMPREPLY=($(compgen -W \"\(words.joined(separator: " "))\" -- \"$current\"))"
    }

    /// What may stand where an option or a positional is expected.
    private static func words(_ tool: Tool) -> String {
        let globals = GlobalOptions.table.map { "--\($0.name)" }
        var lines = ["        \"\") \(reply(tool.firstWords + globals)) ;;"]
        for group in tool.groups {
            lines.append("        '\(group)') \(reply(tool.words(after: group))) ;;")
        }
        for verb in tool.verbs {
            lines.append(
                "        \"\(verb.name)\") \(reply(words(verb, tool) + globals))\(files(verb))\(names(verb)) ;;")
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

    /// Of what the verb is about, which may stand alone.
    private static func names(_ verb: Verb) -> String {
        verb.mainRequest.map { "; [ \"${current:0:1}\" = - ] || _batchmgr_\($0)" } ?? ""
    }

    private static func files(_ verb: Verb) -> String {
        let takesFiles = verb.positionals.contains { if case .file = $0.argument { true } else { false } }
        return takesFiles ? "; COMPREPLY+=($(compgen -f -- \"$current\"))" : ""
    }
}

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

/// The completion script for fish, made from the tables.
public enum FishCompletion {
    public static func script(_ tool: Tool) -> String {
        var lines = [
            "# fish completion for batchmgr: save it as ~/.config/fish/completions/batchmgr.fish",
            """
            function __batchmgr_names
                set -l place
                set -l words (commandline -opc)
                type -q $words[1]; or return
                for index in (seq 2 (count $words))
                    switch $words[$index]
                        case --db --workspace --database --tenant
                            set -l next (math $index + 1)
                            test $next -le (count $words); and set -a place $words[$index] $words[$next]
                    end
                end
                $words[1] $place completion --names $argv[1] 2> /dev/null
            end
            # The first names, or those of the second kind that go with the word after the verb.
            function __batchmgr_second
                set -l words (commandline -opc)
                for index in (seq 4 (count $words))
                    string match -q -- '-*' $words[$index]; and continue
                    set -l before $words[(math $index - 1)]
                    string match -q -- '-*' $before; and test "$before" != --name; and continue
                    __batchmgr_names $argv[2]:(string split -m 1 : -- $words[$index])[1]
                    return
                end
                __batchmgr_names $argv[1]
            end
            """,
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
        for count in 1..<max(1, words.count) {
            let before = words.prefix(count).map { "__fish_seen_subcommand_from \($0)" }.joined(separator: "; and ")
            let summary =
                count == words.count - 1 ? verb.summary : "verbs of \(words.prefix(count + 1).joined(separator: " "))"
            lines.append("complete -c batchmgr -n '\(before)' -a \(words[count]) -d \(quoted(summary))")
        }
        let seen = words.map { "__fish_seen_subcommand_from \($0)" }.joined(separator: "; and ")
        lines += verb.options.map { option("-n '\(seen)' ", $0) }
        if let request = verb.mainRequest {
            lines.append("complete -c batchmgr -n '\(seen)' -k -a '(__batchmgr_\(request))'")
        }
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

    private static func value(_ argument: Option.Argument?) -> String {
        switch argument {
        case nil: ""
        case .file: " -r -F"
        case .folder: " -x -a '(__fish_complete_directories)'"
        case .choice(let words): " -x -a '\(words.joined(separator: " "))'"
        case .text, .number, .pair: argument?.names.map { " -x -k -a '(__batchmgr_\($0.request))'" } ?? " -x"
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.escaping(["'": "\\'", "\\": "\\\\"]) + "'"
    }
}
