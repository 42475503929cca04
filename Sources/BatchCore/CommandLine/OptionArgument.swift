/// What the value of an option or a positional may be; completion and checking both read it.
public enum OptionArgument: Hashable, Sendable {
    /// Any text, shown in help under this name.
    case text(String)
    case file(String)
    case folder(String)
    /// A whole number, zero or more.
    case number(String)
    /// `name=value`, for options that may be repeated.
    case pair(String)
    case choice([String])

    /// As help shows it: `PATH`, or `restrict|cascade`.
    public var placeholder: String {
        switch self {
        case .text(let name), .file(let name), .folder(let name), .number(let name), .pair(let name): name
        case .choice(let words): words.joined(separator: "|")
        }
    }

    /// Why `value` does not fit; nil when it does.
    func objection(to value: String) -> String? {
        switch self {
        case .text, .file, .folder: value.isEmpty ? "is empty" : nil
        case .number:
            value.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } && Int(value) != nil ? nil : "is not a whole number"
        case .pair:
            value.firstIndex(of: "=").map { $0 > value.startIndex } ?? false ? nil : "is not of the form NAME=VALUE"
        case .choice(let words): words.contains(value) ? nil : "is none of: \(words.joined(separator: ", "))"
        }
    }
}
