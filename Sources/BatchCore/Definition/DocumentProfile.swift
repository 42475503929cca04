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

    /// What happens to a document with a page that cannot be read.
    public enum Partial: String, CaseIterable, Sendable {
        /// The document cannot be read.
        case fail
        /// An empty page stands for it.
        case placeholder
    }

    /// What has to be sure enough for a document to need no reviewer.
    public enum ReviewOf: String, CaseIterable, Sendable {
        /// Each word.
        case word
        /// Each page: its words on average.
        case page
        /// Its pages on average.
        case document
    }

    /// What becomes of a page that lies crooked on the glass.
    public enum Deskew: String, CaseIterable, Sendable {
        /// It is straightened to be read; the picture stays as it is.
        case recognise
        /// The picture in the PDF is straightened too, where the document is a picture.
        case image
        case off
    }

    /// What becomes of a file that was here already.
    public enum Duplicates: String, CaseIterable, Sendable {
        /// It is held until somebody decides.
        case ask
        /// It goes: what was made of the first one stands.
        case reuse
        /// It is read as another document.
        case process
        /// It goes to `error`.
        case reject
    }

    /// A file that is made of a document.
    public enum Output: String, CaseIterable, Sendable {
        /// Always.
        case pdf
        /// The PDF is one for archives: PDF/A-2b.
        case pdfa
        /// Plain text, a form feed after each page.
        case text
        /// Words and boxes as HTML.
        case hocr
        /// Words and boxes as XML of the Library of Congress.
        case alto

        /// Of a file beside the PDF: what stands after its name.
        public var ending: String? {
            switch self {
            case .pdf, .pdfa: nil
            case .text: "txt"
            case .hocr: "hocr"
            case .alto: "alto.xml"
            }
        }
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
    /// A document with something that is less sure than this waits for a reviewer; 0 to 1.
    public var reviewBelow: Double?
    public var reviewOf = ReviewOf.page
    public var deskew: Deskew
    public var outputs: Set<Output>
    /// A plugin that reads in place of Tesseract.
    public var engine: String?
    /// No part of the key: it says nothing about the result.
    public var duplicates = Duplicates.ask

    public init(
        name: String, languages: [String]? = nil, segmentation: Int = 3, dpi: Int = 300, existing: Existing = .keep,
        partial: Partial = .fail, reviewBelow: Double? = nil, deskew: Deskew = .recognise,
        outputs: Set<Output> = [.pdf], engine: String? = nil
    ) {
        self.name = name
        self.languages = languages
        self.segmentation = segmentation
        self.dpi = dpi
        self.existing = existing
        self.partial = partial
        self.reviewBelow = reviewBelow
        self.deskew = deskew
        self.outputs = outputs
        self.engine = engine
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

/// A field that is looked for in the text of documents: a rule of `ocr_fields.yaml`.
public struct FieldRule: Hashable, Sendable {
    /// What its value looks like.
    public enum Shape: String, CaseIterable, Sendable {
        /// Letters and digits, with a digit at least: `INV-2026/17`.
        case code
        /// Kept as `2026-03-31`.
        case date
        /// An amount of money, kept with two decimals: `1234.50`.
        case amount
    }

    /// Of two like ones in a document, which counts.
    public enum Occurrence: String, CaseIterable, Sendable {
        case first
        case last
    }

    /// What comes first in a date of three numbers.
    public enum DateOrder: String, CaseIterable, Sendable {
        case day
        case month
    }

    public let name: String
    /// The words that its value stands after. Capitals make no difference.
    public let after: [String]
    public let shape: Shape
    public let takes: Occurrence
    public let begins: DateOrder

    public init(
        name: String, after: [String], shape: Shape, takes: Occurrence = .first, begins: DateOrder = .day
    ) {
        self.name = name
        self.after = after
        self.shape = shape
        self.takes = takes
        self.begins = begins
    }
}
