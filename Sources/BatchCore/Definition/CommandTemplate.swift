/// Arguments with placeholders: `{batch}`, `{tenant}`, `{step}`, `{param:NAME}`; `{{` and `}}` stand for braces.
///
/// A value fills its place inside one argument and never becomes two: there is no shell.
public struct CommandTemplate: Sendable, Equatable {
    public enum Placeholder: Sendable, Hashable {
        case batch
        case tenant
        case step
        case parameter(String)
    }

    private enum Part: Sendable, Equatable {
        case text(String)
        case placeholder(Placeholder)
    }

    private let arguments: [[Part]]

    /// - Throws: `ERR_UX_INVALID_CATALOG` for a placeholder that does not exist or a single brace.
    public init(_ arguments: [String]) throws(BatchError) {
        var parsed: [[Part]] = []
        for argument in arguments { parsed.append(try CommandTemplate.parse(argument)) }
        self.arguments = parsed
    }

    /// The placeholders in use, so that a catalog can be checked before anything runs.
    public var placeholders: Set<Placeholder> {
        var found: Set<Placeholder> = []
        for case .placeholder(let placeholder) in arguments.joined() { found.insert(placeholder) }
        return found
    }

    /// - Throws: `ERR_UX_MISSING_PARAMETER` when there is no value for a placeholder.
    public func filled(with values: Values) throws(BatchError) -> [String] {
        var filled: [String] = []
        for parts in arguments {
            var argument = ""
            for part in parts {
                switch part {
                case .text(let text): argument += text
                case .placeholder(let placeholder): argument += try values.value(of: placeholder)
                }
            }
            filled.append(argument)
        }
        return filled
    }

    private static func parse(_ argument: String) throws(BatchError) -> [Part] {
        var parts: [Part] = []
        var text = ""
        var rest = Substring(argument)
        while let character = rest.popFirst() {
            if character == "{" || character == "}", rest.first == character {
                rest.removeFirst()
                text.append(character)
            } else if character == "{" {
                guard let end = rest.firstIndex(of: "}") else { throw brace(argument) }
                if !text.isEmpty { parts.append(.text(text)) }
                text = ""
                parts.append(.placeholder(try placeholder(String(rest[..<end]), in: argument)))
                rest = rest[rest.index(after: end)...]
            } else if character == "}" {
                throw brace(argument)
            } else {
                text.append(character)
            }
        }
        if !text.isEmpty { parts.append(.text(text)) }
        return parts
    }

    private static func placeholder(_ name: String, in argument: String) throws(BatchError) -> Placeholder {
        switch name {
        case "batch": return .batch
        case "tenant": return .tenant
        case "step": return .step
        default:
            guard name.hasPrefix("param:"), name.utf8.count > 6 else {
                throw BatchError(
                    .invalidCatalog, "unknown placeholder '{\(name)}' in '\(argument)'",
                    hint: "use {batch}, {tenant}, {step} or {param:NAME}; write {{ and }} for braces")
            }
            return .parameter(String(name.dropFirst(6)))
        }
    }

    private static func brace(_ argument: String) -> BatchError {
        BatchError(
            .invalidCatalog, "a brace in '\(argument)' is not closed or not opened",
            hint: "write {{ and }} for braces themselves")
    }
}

extension CommandTemplate {
    /// What the placeholders of a command stand for in one batch.
    public struct Values: Sendable {
        public var batch: String
        public var tenant: String?
        public var step: String
        public var parameters: [String: SQLValue]

        public init(batch: String, tenant: String?, step: String, parameters: [String: SQLValue]) {
            self.batch = batch
            self.tenant = tenant
            self.step = step
            self.parameters = parameters
        }

        func value(of placeholder: CommandTemplate.Placeholder) throws(BatchError) -> String {
            switch placeholder {
            case .batch: return batch
            case .step: return step
            case .tenant:
                guard let tenant else {
                    throw BatchError(
                        .missingParameter, "step '\(step)' uses {tenant}, but the batch has no tenant",
                        hint: "give one with: --tenant NAME")
                }
                return tenant
            case .parameter(let name):
                guard let value = parameters[name], let text = Values.text(value) else {
                    throw BatchError(
                        .missingParameter, "step '\(step)' uses {param:\(name)}, which has no value",
                        hint: "give one with: --set \(name)=VALUE")
                }
                return text
            }
        }

        /// Nil for NULL: an empty argument would hide that the value is missing.
        private static func text(_ value: SQLValue) -> String? {
            switch value {
            case .null: nil
            case .integer(let number): String(number)
            case .real(let number): "\(number)"
            case .text, .text16: value.string
            case .blob(let bytes): Hex.string(bytes)
            }
        }
    }
}
