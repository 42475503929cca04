internal import BatchCore
internal import BatchHistory

/// How documents are read, as a part of their keys: another profile is another result.
struct OCRProfile: Hashable, Sendable {
    let profile: DocumentProfile
    let languages: [String]
    /// Makes the key another one, for a document that is to be read again.
    let nonce: String?

    static let pipelineVersion = 2

    init(_ profile: DocumentProfile, usual: String, nonce: String? = nil) {
        self.profile = profile
        let named = profile.languages ?? [usual]
        languages = Set(named.flatMap { $0.split(separator: "+").map(String.init) }).sorted()
        self.nonce = nonce
    }

    /// JSON with sorted keys and no blanks.
    /// - Parameters:
    ///   - engine: its version.
    ///   - models: hash of each model, by language; of a plugin, that of the program.
    func canonical(engine: String, models: [String: String]) -> String {
        var members: [JSONValue.Member] = []
        if profile.deskew != .recognise { members.append(.init("deskew", .string(profile.deskew.rawValue))) }
        members += [
            .init("dpi", JSONValue(profile.dpi)), .init("engine", .string(engine)),
            .init("existing", .string(profile.existing.rawValue)),
            .init("languages", .array(languages.map(JSONValue.string))),
            .init("models", .object(models.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })),
        ]
        if let nonce { members.append(.init("nonce", .string(nonce))) }
        if profile.outputs != [.pdf] {
            members.append(
                .init("output", .array(profile.outputs.map(\.rawValue).sorted().map(JSONValue.string))))
        }
        members += [
            .init("partial", .string(profile.partial.rawValue)),
            .init("pipeline", JSONValue(OCRProfile.pipelineVersion)),
        ]
        if let plugin = profile.engine { members.append(.init("plugin", .string(plugin))) }
        members.append(.init("psm", JSONValue(profile.segmentation)))
        if let below = profile.reviewBelow { members.append(.init("review_below", .number(below))) }
        return JSONWriter.text(.object(members))
    }

    static func hash(_ text: String) -> String {
        let hash = SHA256()
        Array(text.utf8).withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}
