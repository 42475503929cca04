public import BatchCatalog
public import BatchCore

/// `catalog validate`
public struct CatalogReport: TextReport {
    public let files: Int
    public let diagnostics: [Diagnostic]

    public init(_ outcome: (files: Int, mistakes: [Diagnostic])) {
        files = outcome.files
        diagnostics = outcome.mistakes
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("ok", .bool(diagnostics.isEmpty)), .init("files", JSONValue(files)),
            .init("errors", .array(diagnostics.map(\.json))),
        ]
    }

    public func text(_ style: Style, width: Int) -> String {
        let read = Figures.count(files, "file")
        guard !diagnostics.isEmpty else { return "\(read), \(style.good("no mistakes"))\n" }
        let list = diagnostics.map { "\($0)\n" }.joined()
        return "\(list)\n\(style.bad(Figures.count(diagnostics.count, "mistake"))) in \(read)\n"
    }
}
