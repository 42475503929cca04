public import BatchCore

/// Reads a command line against the tables. Pure: it looks at nothing but its input.
public struct ArgumentParser {
    private let tool: Tool
    private var rest: ArraySlice<String>
    private var words: [String] = []
    private var verb: Verb?
    private var globals = GlobalOptions()
    private var values: [String: [String]] = [:]
    private var positionals: [String] = []
    private var seenGlobals: Set<String> = []
    private var wantsHelp = false

    private init(_ arguments: [String], _ tool: Tool) {
        self.tool = tool
        rest = arguments[...]
    }

    /// - Parameter arguments: without the program's name.
    /// - Throws: `ERR_UX_USAGE`.
    public static func parse(_ arguments: [String], _ tool: Tool) throws(BatchError) -> Invocation {
        var parser = ArgumentParser(arguments, tool)
        try parser.readAll()
        if parser.wantsHelp { return .help(words: parser.words, parser.globals) }
        if parser.words.isEmpty { return .nothing(parser.globals) }
        return .run(try parser.finish())
    }

    private mutating func readAll() throws(BatchError) {
        while let argument = rest.popFirst() {
            if argument == "--" {
                for word in rest { try take(word: word) }
                return
            }
            if argument == "--version", verb == nil {
                try take(word: "version")
            } else if argument.hasPrefix("--") {
                try take(option: argument.dropFirst(2))
            } else if argument.hasPrefix("-"), argument.count > 1 {
                try take(letters: argument)
            } else {
                try take(word: argument)
            }
        }
    }

    // MARK: Letters

    /// `-q`, or several at once: `-qy`.
    private mutating func take(letters argument: String) throws(BatchError) {
        for letter in argument.dropFirst() {
            switch letter {
            case "h": wantsHelp = true
            case "V" where verb == nil: try take(word: "version")
            case "q": try take(option: "quiet")
            case "y": try take(option: "yes")
            case "n": try take(option: "dry-run")
            case "f" where verb?.options.contains { $0.name == "follow" } == true: try take(option: "follow")
            default:
                throw BatchError(
                    .usage, "unknown option '-\(letter)'\(argument.count > 2 ? " in '\(argument)'" : "")",
                    hint: "letters are -h -n -q -y -V, long options are written --name; see: \(help)")
            }
        }
    }

    // MARK: Words

    private mutating func take(word: String) throws(BatchError) {
        guard verb == nil else { return positionals.append(word) }
        words.append(word)
        verb = tool.verb(named: words.joined(separator: " "))
        guard verb == nil else { return }
        if tool.groups.contains(words.joined(separator: " ")) { return }
        try refuseUnknownVerb()
    }

    private func refuseUnknownVerb() throws(BatchError) {
        guard words.count > 1, let group = words.first, let word = words.last else {
            if let other = Tool.synonyms[words.joined()], tool.verb(named: other) != nil {
                throw BatchError(
                    .usage, "batchmgr has no '\(words.joined())': the verb is \(other)",
                    hint: "see how: \(command: "\(words: other) --help")")
            }
            throw .unknown("verb", words.joined(), among: tool.firstWords, hint: "see all verbs: \(command: "--help")")
        }
        let known = tool.verbs(inGroup: group).map { String($0.name.dropFirst(group.count + 1)) }
        throw .unknown("verb of \(group)", word, among: known, hint: "one of: \(known.joined(separator: ", "))")
    }

    // MARK: Options

    private mutating func take(option text: Substring) throws(BatchError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        if name == "help" {
            wantsHelp = true
            return
        }
        let option = try option(named: name)
        let value = try value(of: option, attached: parts.count > 1 ? String(parts[1]) : nil)
        if isGlobal(name) {
            guard seenGlobals.insert(name).inserted || option.argument == nil else { throw twice(option) }
            _ = globals.take(name, value)
        } else {
            guard option.repeats || option.argument == nil || values[name] == nil else { throw twice(option) }
            values[name, default: []].append(value)
        }
    }

    private func twice(_ option: Option) -> BatchError { .usage("--\(option.name) is given twice", verb) }

    /// An option of the verb goes before a global one of its name.
    private func isGlobal(_ name: String) -> Bool {
        verb?.options.contains { $0.name == name } != true && GlobalOptions.table.contains { $0.name == name }
    }

    private func option(named name: String) throws(BatchError) -> Option {
        let known = (verb?.options ?? []) + GlobalOptions.table
        if let option = known.first(where: { $0.name == name }) { return option }
        if verb == nil, tool.verbs.contains(where: { $0.options.contains { $0.name == name } }) {
            throw .usage("--\(name) belongs after its verb: batchmgr VERB --\(name)")
        }
        throw .unknown("option", "--" + name, among: known.map { "--" + $0.name }, hint: "see: \(help)")
    }

    private mutating func value(of option: Option, attached: String?) throws(BatchError) -> String {
        guard let argument = option.argument else {
            guard attached == nil else { throw .usage("--\(option.name) takes no value", verb) }
            return ""
        }
        let value: String
        if let attached {
            value = attached
        } else if let alone = option.valueAlone, rest.first.map({ argument.objection(to: $0) != nil }) ?? true {
            return alone
        } else {
            // `--id --json` has lost its id; a value that looks like an option is written `--id=--json`.
            guard let next = rest.first, !isOption(next) else {
                throw .usage("--\(option.name) needs a value: \(option.usage)", verb)
            }
            rest = rest.dropFirst()
            value = next
        }
        if let objection = argument.objection(to: value) {
            throw .usage("--\(option.name) '\(value)' \(objection)", verb)
        }
        return value
    }

    private func isOption(_ text: String) -> Bool {
        guard text.hasPrefix("--") else { return false }
        let name = text.dropFirst(2).prefix { $0 != "=" }
        return ((verb?.options ?? []) + GlobalOptions.table).contains { $0.name == name }
    }

    // MARK: The end

    private var help: Hint { "\(command: "\(words: (words + ["--help"]).joined(separator: " "))")" }

    private mutating func finish() throws(BatchError) -> ParsedArguments {
        guard let verb else {
            let group = words.first ?? ""
            let known = tool.verbs(inGroup: group).map(\.name).joined(separator: ", ")
            throw BatchError(.usage, "\(group) needs a verb after it", hint: "one of: \(known)")
        }
        takeMain(of: verb)
        for option in verb.options where option.isRequired && values[option.name] == nil {
            throw .missing(option.usage, of: verb)
        }
        try checkPositionals(of: verb)
        return ParsedArguments(verb: verb, globals: globals, positionals: positionals, values: values)
    }

    /// Values that stand alone are those of the main options, in their order.
    private mutating func takeMain(of verb: Verb) {
        let open = verb.mainOptions.filter { values[$0.name] == nil }
        guard positionals.count <= open.count else { return }
        let pairs = zip(open, positionals)
        if pairs.contains(where: { $0.argument?.objection(to: $1) != nil }) { return }
        for (main, value) in pairs { values[main.name] = [value] }
        positionals = []
    }

    private func checkPositionals(of verb: Verb) throws(BatchError) {
        let needed = verb.positionals.filter(\.isRequired)
        guard positionals.count >= needed.count else {
            throw .missing(needed[positionals.count].usage, of: verb)
        }
        for (index, value) in positionals.enumerated() {
            guard let rule = index < verb.positionals.count ? verb.positionals[index] : verb.positionals.last,
                index < verb.positionals.count || rule.repeats
            else { throw .usage("\(verb.name) does not take '\(value)'", verb) }
            if let objection = rule.argument.objection(to: value) { throw .usage("'\(value)' \(objection)", verb) }
        }
    }

    /// What a command line asks for.
    public enum Invocation: Hashable, Sendable {
        case run(ParsedArguments)
        /// Help for the tool (no words), a group or a verb.
        case help(words: [String], GlobalOptions)
        /// Nothing was typed but options of every verb.
        case nothing(GlobalOptions)
    }
}

/// The command line after parsing: which verb, and every value under its option's name.
public struct ParsedArguments: Hashable, Sendable {
    public let verb: Verb
    public let globals: GlobalOptions
    public let positionals: [String]
    private let values: [String: [String]]

    init(verb: Verb, globals: GlobalOptions, positionals: [String], values: [String: [String]]) {
        self.verb = verb
        self.globals = globals
        self.positionals = positionals
        self.values = values
    }

    public func has(_ name: String) -> Bool { values[name] != nil }

    public func value(_ name: String) -> String? { values[name]?.last }

    public func values(_ name: String) -> [String] { values[name] ?? [] }

    /// The value of an option that the parser has already found to be a whole number.
    public func number(_ name: String) -> Int? { value(name).flatMap { Int($0) } }

    /// - Throws: `ERR_UX_USAGE` when the option is missing.
    public func required(_ name: String) throws(BatchError) -> String {
        guard let value = value(name) else { throw .missing("--\(name)", of: verb) }
        return value
    }

    /// The value of an option that may only be one of these words; nil when it is not given.
    /// - Throws: `ERR_UX_USAGE`.
    func choice<Choice: RawRepresentable<String>>(_ name: String) throws(BatchError) -> Choice? {
        guard let text = value(name) else { return nil }
        guard let choice = Choice(rawValue: text) else { throw .usage("--\(name) cannot be '\(text)'", verb) }
        return choice
    }

    /// - Throws: `ERR_UX_USAGE` when more than one of these options is given.
    func allowOne(of names: [String]) throws(BatchError) {
        let given = names.filter { has($0) }
        guard given.count > 1 else { return }
        throw .usage("--\(given[0]) and --\(given[1]) cannot be used together", verb)
    }
}

extension BatchError {
    /// A wrong command line; the hint is the verb's help.
    static func usage(_ message: String, _ verb: Verb? = nil) -> BatchError {
        BatchError(
            .usage, message, hint: verb.map { "\(command: "\(words: $0.name) --help")" } ?? "\(command: "--help")")
    }

    static func missing(_ thing: String, of verb: Verb) -> BatchError {
        let usage = String(verb.usage.dropFirst("batchmgr ".count))
        return BatchError(.usage, "\(verb.name) needs \(thing)", hint: "\(command: "\(words: usage)")")
    }

    /// - Parameter known: what it could have been; the nearest is proposed.
    static func unknown(_ what: String, _ word: String, among known: [String], hint: Hint) -> BatchError {
        guard let near = Suggestion.nearest(to: word, in: known) else {
            return BatchError(.usage, "unknown \(what) '\(word)'", hint: hint)
        }
        return BatchError(.usage, "unknown \(what) '\(word)', did you mean '\(near)'?", hint: hint)
    }
}
