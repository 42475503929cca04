internal import BatchCore
internal import BatchEngine

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
