/// Why a text is not a YAML document that can be read here, and where.
struct YAMLFault: Error, Sendable {
    let mark: YAMLMark
    let message: String

    init(_ mark: YAMLMark, _ message: String) {
        self.mark = mark
        self.message = message
    }
}
