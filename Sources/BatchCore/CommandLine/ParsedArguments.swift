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

    /// - Throws: `ERR_UX_USAGE` when more than one of these options is given.
    func allowOne(of names: [String]) throws(BatchError) {
        let given = names.filter { has($0) }
        guard given.count > 1 else { return }
        throw .usage("--\(given[0]) and --\(given[1]) exclude each other", verb)
    }
}
