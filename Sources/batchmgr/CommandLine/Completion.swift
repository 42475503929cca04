internal import BatchCore
internal import BatchEngine

extension Option.Argument {
    /// The names that may stand there: the shell asks for them when it needs them.
    var names: Candidates? {
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
    var request: String { self == .values ? "second values values" : "names \(rawValue)" }
}

extension Verb {
    /// The same for what the verb is about, which may stand alone; nil when its names are not known.
    var mainRequest: String? {
        let names = mainOptions.map { $0.argument?.names }
        guard let first = names.first.flatMap({ $0 }) else { return nil }
        if names.count == 2, let second = names[1] { return "second \(first.rawValue) \(second.rawValue)" }
        return first.request
    }
}

extension GlobalOptions {
    /// Options that say which database is meant, for a pattern of `case`.
    static let places = "--db|--workspace|--database|--tenant"
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
