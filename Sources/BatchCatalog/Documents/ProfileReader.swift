public import BatchCore

/// The ways in which a workspace reads documents: `ocr_profiles.yaml`.
public struct ProfileList: Sendable {
    /// In the order of the file; `default` is always there.
    public let profiles: [DocumentProfile]
    public let mistakes: [Diagnostic]

    private static let names = ["ocr_profiles.yaml", "ocr_profiles.yml"]

    /// - Parameter folder: the catalog; nil for a database given alone.
    /// - Throws: `ERR_INTEGRATION_FILE` when the file cannot be read.
    public static func load(folder: String?) throws(BatchError) -> ProfileList {
        for name in folder == nil ? [] : names {
            let path = FolderText.join(folder ?? "", name)
            guard FolderText.exists(path) else { continue }
            switch try FolderText.read(path, limit: YAMLDocument.largestSize) {
            case .text(let text): return read(text: text, file: FolderText.shown(path))
            case .unreadable(let mark, let message):
                var source = SourceText(file: FolderText.shown(path), text: "", code: .invalidCatalog)
                source.report(mark, message)
                return ProfileList(profiles: [], mistakes: source.diagnostics)
            }
        }
        return ProfileList(profiles: [DocumentProfile(name: "default")], mistakes: [])
    }

    static func read(text: String, file: String) -> ProfileList {
        var source = SourceText(file: file, text: text, code: .invalidCatalog)
        let root: YAMLNode
        do throws(YAMLNode.Fault) {
            root = try YAMLDocument.read(text)
        } catch {
            source.report(error)
            return ProfileList(profiles: [], mistakes: source.diagnostics)
        }
        var check = ShapeValidation(source)
        check.check(root, .entries(.jobName, .record(ProfileList.keys)), what: "ocr_profiles.yaml")
        guard check.source.diagnostics.isEmpty else {
            return ProfileList(profiles: [], mistakes: check.source.diagnostics)
        }
        var profiles = root.entries.map(profile)
        if !profiles.contains(where: { $0.name == "default" }) { profiles.insert(.init(name: "default"), at: 0) }
        return ProfileList(profiles: profiles, mistakes: [])
    }

    /// The profile of that name.
    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of the file, `ERR_UX_UNKNOWN_NAME` when there is none.
    public func profile(named name: String) throws(BatchError) -> DocumentProfile {
        if let error = Diagnostic.error(mistakes, .invalidCatalog, hint: "correct them, then: \(command: "ocr info")") {
            throw error
        }
        if let profile = profiles.first(where: { $0.name == name }) { return profile }
        throw BatchError(
            .unknownName, "there is no profile '\(name)'\(Suggestion.clause(for: name, in: profiles.map(\.name)))",
            hint: "see them: \(command: "ocr info")")
    }

    private static func profile(_ entry: YAMLNode.Entry) -> DocumentProfile {
        let node = entry.value
        var profile = DocumentProfile(name: entry.key)
        profile.languages = JobNodes.texts(node["languages"])
        if let value = node["psm"]?.json.integer { profile.segmentation = Int(value) }
        if let value = node["dpi"]?.json.integer { profile.dpi = Int(value) }
        profile.existing = JobNodes.choice(node["existing"]) ?? .keep
        profile.partial = JobNodes.choice(node["partial"]) ?? .fail
        profile.reviewBelow = node["review_below"]?.number
        profile.reviewOf = JobNodes.choice(node["review_of"]) ?? .page
        profile.deskew = JobNodes.choice(node["deskew"]) ?? .recognise
        if let outputs = JobNodes.texts(node["output"]) {
            profile.outputs = Set(outputs.compactMap(DocumentProfile.Output.init)).union([.pdf])
        }
        profile.engine = node["engine"]?.text
        profile.duplicates = JobNodes.choice(node["duplicates"]) ?? .ask
        return profile
    }

    static let keys = KeyTable(
        "a profile",
        [
            KeyRule("languages", .list(.text(.filled), mayBeEmpty: false), "Models of Tesseract, e.g. `[fra, eng]`."),
            KeyRule(
                "psm", .integer(1...13),
                "How a page is divided: 3 text, 1 text that may lie on its side, 11 comics (`3`)."),
            KeyRule("dpi", .integer(72...1_200), "Resolution in which pages of a PDF are drawn (`300`)."),
            KeyRule(
                "existing", .choice(DocumentProfile.Existing.allCases.map(\.rawValue)),
                "What happens to text that is there already (`keep`)."),
            KeyRule(
                "partial", .choice(DocumentProfile.Partial.allCases.map(\.rawValue)),
                "What happens to a document with a page that cannot be read (`fail`)."),
            KeyRule(
                "review_below", .number(0...1), "A document with a page of lower confidence waits for a reviewer."),
            KeyRule(
                "review_of", .choice(DocumentProfile.ReviewOf.allCases.map(\.rawValue)),
                "What `review_below` is compared with: each word, each page, or the document on average (`page`)."),
            KeyRule(
                "deskew", .choice(DocumentProfile.Deskew.allCases.map(\.rawValue)),
                "Whether a crooked page is straightened: to read it, in the PDF too, or not at all (`recognise`)."),
            KeyRule(
                "output",
                .list(.choice(DocumentProfile.Output.allCases.map(\.rawValue)), mayBeEmpty: false),
                "What is made beside the PDF, e.g. `[text, hocr, alto]`; `pdfa` makes the PDF one for archives (`[pdf]`)."
            ),
            KeyRule("engine", .text(.jobName), "A plugin that reads instead of Tesseract."),
            KeyRule(
                "duplicates", .choice(DocumentProfile.Duplicates.allCases.map(\.rawValue)),
                "What happens to a file that was read before (`ask`)."),
        ])
}

/// Who reviews what: `review.yaml`.
public struct ReviewRules: Sendable {
    /// In the order of the file.
    public let rules: [ReviewRule]
    public let mistakes: [Diagnostic]

    /// - Parameter folder: the catalog; nil for a database given alone.
    /// - Throws: `ERR_INTEGRATION_FILE` when the file cannot be read.
    public static func load(folder: String?) throws(BatchError) -> ReviewRules {
        guard let folder else { return ReviewRules(rules: [], mistakes: []) }
        let file = try HealingFile(folder: folder, stem: "review", keys)
        let rules = file.entries.map { entry in
            let node = entry.value
            return ReviewRule(
                name: entry.key, to: node["to"]?.text ?? "", file: node["file"]?.text, below: node["below"]?.number,
                language: node["language"]?.text)
        }
        return ReviewRules(rules: rules, mistakes: file.source.diagnostics)
    }

    private static let keys = KeyTable(
        "a rule of review.yaml",
        [
            KeyRule("to", .text(.filled), required: true, "Who reviews the documents that match."),
            KeyRule(
                "file", .text(.filled), "Only files of this name; `*` matches any characters, `?` matches one."),
            KeyRule("below", .number(0...1), "Only documents of lower confidence than this."),
            KeyRule("language", .text(.filled), "Only documents that are read with this model."),
        ])
}
