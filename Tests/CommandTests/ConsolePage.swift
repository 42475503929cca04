/// A page with console blocks: commands after `$ `, going on after `> `, each followed by what it prints.
struct ConsolePage {
    enum Part {
        /// A line that is no part of a command.
        case text(String)
        case command(lines: [String], output: [String])
    }

    let parts: [Part]

    init(_ page: String) {
        var parts: [Part] = []
        var isConsole = false
        for line in page.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix("```") { isConsole = line == "```console" }
            guard isConsole, !line.hasPrefix("```") else {
                parts.append(.text(line))
                continue
            }
            if line.hasPrefix("$ ") {
                parts.append(.command(lines: [line], output: []))
            } else if case .command(let lines, let output) = parts.last {
                let goesOn = output.isEmpty && line.hasPrefix("> ")
                let next =
                    goesOn
                    ? Part.command(lines: lines + [line], output: []) : .command(lines: lines, output: output + [line])
                parts[parts.count - 1] = next
            } else {
                parts.append(.text(line))
            }
        }
        self.parts = parts
    }

    /// What a reader would type, without the prompts.
    static func typed(_ lines: [String]) -> String { lines.map { String($0.dropFirst(2)) }.joined(separator: "\n") }

    /// The same page with what `run` says each command prints.
    func running(_ run: (String) throws -> String) rethrows -> String {
        var lines: [String] = []
        for part in parts {
            switch part {
            case .text(let line): lines.append(line)
            case .command(let command, _):
                lines += command
                var printed = try run(Self.typed(command)).split(separator: "\n", omittingEmptySubsequences: false)
                if printed.last == "" { printed.removeLast() }
                lines += printed.map(String.init)
            }
        }
        return lines.joined(separator: "\n")
    }
}
