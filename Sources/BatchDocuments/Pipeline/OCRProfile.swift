internal import BatchCore
internal import BatchHistory

/// How documents are read. Its canonical text is a part of the key of a document: another profile is another result.
struct OCRProfile: Hashable, Sendable {
    var name = "default"
    var languages = ["eng"]
    /// How Tesseract divides a page: 3 for text, 1 turns it first, 11 finds the words of comics.
    var segmentation = 3
    /// Of pages that are drawn.
    var dpi = 300
    /// What becomes of text that is there: `keep` or `redo`.
    var existing = "keep"
    /// What becomes of a page of an archive that cannot be read: `fail` or `placeholder`.
    var partial = "fail"
    /// Makes the key another one, for a document that is to be read again.
    var nonce: String?

    static let pipelineVersion = 1

    /// JSON with sorted keys and no blanks.
    /// - Parameters:
    ///   - engine: its version.
    ///   - models: hash of each model, by language.
    func canonical(engine: String, models: [String: String]) -> String {
        let languages = Set(languages).sorted()
        var members: [JSONValue.Member] = [
            .init("dpi", JSONValue(dpi)), .init("engine", .string(engine)), .init("existing", .string(existing)),
            .init("languages", .array(languages.map(JSONValue.string))),
            .init("models", .object(languages.map { .init($0, JSONValue(models[$0])) })),
        ]
        if let nonce { members.append(.init("nonce", .string(nonce))) }
        members += [
            .init("partial", .string(partial)), .init("pipeline", JSONValue(OCRProfile.pipelineVersion)),
            .init("psm", JSONValue(segmentation)),
        ]
        return JSONWriter.text(.object(members))
    }

    /// The name of a model for Tesseract: the same for every order of languages.
    var languageText: String { Set(languages).sorted().joined(separator: "+") }

    static func hash(_ text: String) -> String {
        let hash = SHA256()
        Array(text.utf8).withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}
