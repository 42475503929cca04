internal import BatchCore
internal import BatchHistory

/// How documents are read, as a part of their keys: another profile is another result.
struct OCRProfile: Hashable, Sendable {
    let profile: DocumentProfile
    let languages: [String]
    /// Makes the key another one, for a document that is to be read again.
    let nonce: String?

    static let pipelineVersion = 1

    init(_ profile: DocumentProfile, usual: String, nonce: String? = nil) {
        self.profile = profile
        let named = profile.languages ?? [usual]
        languages = Set(named.flatMap { $0.split(separator: "+").map(String.init) }).sorted()
        self.nonce = nonce
    }

    /// JSON with sorted keys and no blanks.
    /// - Parameters:
    ///   - engine: its version.
    ///   - models: hash of each model, by language.
    func canonical(engine: String, models: [String: String]) -> String {
        var members: [JSONValue.Member] = [
            .init("dpi", JSONValue(profile.dpi)), .init("engine", .string(engine)),
            .init("existing", .string(profile.existing.rawValue)),
            .init("languages", .array(languages.map(JSONValue.string))),
            .init("models", .object(languages.map { .init($0, JSONValue(models[$0])) })),
        ]
        if let nonce { members.append(.init("nonce", .string(nonce))) }
        members += [
            .init("partial", .string(profile.partial.rawValue)),
            .init("pipeline", JSONValue(OCRProfile.pipelineVersion)),
            .init("psm", JSONValue(profile.segmentation)),
        ]
        if let below = profile.reviewBelow { members.append(.init("review_below", .number(below))) }
        return JSONWriter.text(.object(members))
    }

    static func hash(_ text: String) -> String {
        let hash = SHA256()
        Array(text.utf8).withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}
