/// How documents are read: a profile of `ocr_profiles.yaml`.
public struct DocumentProfile: Hashable, Sendable {
    /// What becomes of the text that a page has.
    public enum Existing: String, CaseIterable, Sendable {
        case keep
        /// Hidden text goes, and the page is read anew.
        case redo
        /// It stays, and what can be read besides is added.
        case add
    }

    /// What becomes of a page of an archive that cannot be read.
    public enum Partial: String, CaseIterable, Sendable {
        /// The document cannot be read.
        case fail
        /// An empty page stands for it.
        case placeholder
    }

    public let name: String
    /// Nil: those of the settings.
    public var languages: [String]?
    /// How Tesseract divides a page: 3 for text, 1 turns it first, 11 finds the words of comics.
    public var segmentation: Int
    /// Of pages that are drawn.
    public var dpi: Int
    public var existing: Existing
    public var partial: Partial
    /// A document, or a page, that is less sure than this waits for a reviewer; 0 to 1.
    public var reviewBelow: Double?

    public init(
        name: String, languages: [String]? = nil, segmentation: Int = 3, dpi: Int = 300, existing: Existing = .keep,
        partial: Partial = .fail, reviewBelow: Double? = nil
    ) {
        self.name = name
        self.languages = languages
        self.segmentation = segmentation
        self.dpi = dpi
        self.existing = existing
        self.partial = partial
        self.reviewBelow = reviewBelow
    }
}

/// Who reviews a document that nobody can be sure of: a rule of `review.yaml`. The first that fits decides.
public struct ReviewRule: Hashable, Sendable {
    public let name: String
    /// The person.
    public let to: String
    /// Of the file, with `*` and `?`; nil: any.
    public let file: String?
    /// Only documents that are less sure than this; 0 to 1.
    public let below: Double?
    /// Only documents read with this language.
    public let language: String?

    public init(name: String, to: String, file: String?, below: Double?, language: String?) {
        self.name = name
        self.to = to
        self.file = file
        self.below = below
        self.language = language
    }
}
