/// How documents are read: a profile of `ocr_profiles.yaml`.
public struct DocumentProfile: Hashable, Sendable {
    /// What becomes of the text that a page has.
    public enum Existing: String, CaseIterable, Sendable {
        case keep
        /// The page is drawn and read anew.
        case redo
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

    public init(
        name: String, languages: [String]? = nil, segmentation: Int = 3, dpi: Int = 300, existing: Existing = .keep,
        partial: Partial = .fail
    ) {
        self.name = name
        self.languages = languages
        self.segmentation = segmentation
        self.dpi = dpi
        self.existing = existing
        self.partial = partial
    }
}
