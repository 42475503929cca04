internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchSystem

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
        if profile.reviewOf != .page { members.append(.init("review_of", .string(profile.reviewOf.rawValue))) }
        return JSONWriter.text(.object(members))
    }

    static func hash(_ text: String) -> String {
        let hash = SHA256()
        Array(text.utf8).withUnsafeBytes { hash.update($0) }
        return Hex.string(hash.finish())
    }
}

/// What a key says of the way in which a document is read.
struct EngineIdentity {
    /// The profile with engine and models.
    let profileText: String
    let hash: String

    init(_ profile: OCRProfile, _ stage: Stage) throws(BatchError) {
        if profile.profile.outputs.contains(.pdfa) { try ArchivalPDF.require() }
        if let name = profile.profile.engine {
            let plugins = try stage.step.session.plugins()
            try plugins.require([name])
            let path = FilePath.join(stage.step.session.workspace.folder, try plugins.plugin(name).path)
            profileText = profile.canonical(
                engine: "\(name) \(try EngineIdentity.version(stage, plugin: path))",
                models: ["program": try SHA256.hex(ofFile: path)])
            hash = OCRProfile.hash(profileText)
            return
        }
        var models: [String: String] = [:]
        for language in profile.languages {
            guard let path = OCRModels.path(language) else {
                throw BatchError(
                    .libraryMissing, "there is no model of Tesseract for '\(language)'",
                    hint: "install it, e.g. apt-get install tesseract-ocr-\(language); see: \(command: "ocr info")")
            }
            models[language] = try SHA256.hex(ofFile: path)
        }
        profileText = profile.canonical(engine: try EngineIdentity.version(stage), models: models)
        hash = OCRProfile.hash(profileText)
    }

    /// Starts the workers that are going to read so many documents, where Tesseract does: it is loaded while they are taken in.
    func warm(_ stage: Stage, documents: Int) throws(BatchError) {
        let profile = (try? JSONParser.parse(profileText)) ?? .null
        guard documents > 0, profile["plugin"] == nil else { return }
        let languages = (profile["languages"]?.array ?? []).compactMap(\.string).joined(separator: "+")
        try stage.pool(1).warm(
            min(documents, stage.settings.ocrConcurrency), ["do": "warm", "languages": .string(languages)])
    }

    private static func version(_ stage: Stage, plugin: String) throws(BatchError) -> String {
        let request: JSONValue = ["do": "info", "engine": .string(plugin), "folder": .string(stage.folders.root)]
        switch try stage.pool(1).answer(to: request) {
        case .success(let json): return json["version"]?.string ?? ""
        case .failure(let error):
            throw BatchError(
                .pluginFailed, "the engine \(plugin) does not say its version: \(error.words)",
                hint: "try it: echo '{\"do\": \"info\"}' | \(plugin) ocr-engine")
        }
    }

    private static func version(_ stage: Stage) throws(BatchError) -> String {
        let pool = stage.pool(1)
        defer { pool.keep() }
        switch try pool.answer(to: ["do": "info"]) {
        case .success(let json): return json["tesseract"]?.string ?? ""
        case .failure(let error): throw BatchError(.libraryMissing, error.words, hint: "type: \(command: "doctor")")
        }
    }
}

/// Which profile of the catalog a document was read by.
struct ProfileSearch {
    private let declared: ProfileList
    private let stage: Stage

    init(_ declared: ProfileList, _ stage: Stage) {
        self.declared = declared
        self.stage = stage
    }

    /// - Returns: nil when the profile, the engine or a model is another one by now.
    func profile(_ staged: StagedProfile) -> DocumentProfile? {
        switch staged {
        case .named(let name): declared.profiles.first { $0.name == name }
        case .hash(let hash):
            declared.profiles.first { profile in
                let usual = stage.settings.languages
                return (try? EngineIdentity(OCRProfile(profile, usual: usual), stage))?.hash == hash
            }
        }
    }
}
