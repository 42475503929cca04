internal import BatchCore

/// Why a document, or a page of it, cannot be read. The raw value is what users see and scripts match.
public enum DocumentFault: String, CaseIterable, Sendable {
    case empty
    case tooLarge = "too_large"
    case unknownType = "unknown_type"
    case unreadable
    case damaged
    case encrypted
    case noPages = "no_pages"
    case tooManyPages = "too_many_pages"
    case tooManyPixels = "too_many_pixels"
    case bomb = "archive_bomb"
    case diskShort = "disk_short"
    case duplicate
    case timeout
    case crashed
    case memory
    case engine = "engine_error"
    case pdfInvalid = "pdf_invalid"
    case cancelled
    case rejected
    case afterRestart = "max_attempts_after_restart"

    /// - Parameter name: its own, or that of the figure in which it is counted.
    init?(named name: String) {
        if let fault = DocumentFault(rawValue: name) {
            self = fault
        } else if let fault = DocumentFault.counted.first(where: { $0.name == name })?.fault {
            self = fault
        } else {
            return nil
        }
    }

    /// The figures of single faults that operators know, by the names that they know.
    static let counted: [(name: String, fault: DocumentFault)] = [
        ("disk_error", .diskShort), ("pdf_invalid", .pdfInvalid), ("input_rejected_size", .tooLarge),
        ("input_rejected_signature", .unknownType),
    ]

    /// In words, after the name of the document.
    public var words: String {
        switch self {
        case .empty: "has no bytes"
        case .tooLarge: "is larger than max_input_size_mb"
        case .unknownType: "is not a document that can be read: its first bytes are of no known kind"
        case .unreadable: "cannot be read"
        case .damaged: "is damaged"
        case .encrypted: "is protected by a password"
        case .noPages: "has no page"
        case .tooManyPages: "has more pages than are allowed"
        case .tooManyPixels: "has an image with more pixels than are allowed"
        case .bomb: "unpacks to more than is allowed"
        case .diskShort: "needs more disk than is free"
        case .duplicate: "is here already"
        case .timeout: "took longer than allowed for a page"
        case .crashed: "makes the engine crash"
        case .memory: "needs more memory than a worker may have"
        case .engine: "was refused by the engine"
        case .pdfInvalid: "became a PDF that did not pass the check"
        case .cancelled: "was cancelled"
        case .rejected: "was rejected by a reviewer"
        case .afterRestart: "was tried as often as allowed, and the tool was killed each time"
        }
    }

    /// Whether another try may end differently.
    var mayPass: Bool { [.timeout, .crashed, .memory, .diskShort, .pdfInvalid].contains(self) }
}

/// A fault with what is known of it.
struct DocumentError: Error, Equatable {
    let fault: DocumentFault
    let detail: String

    init(_ fault: DocumentFault, _ detail: String = "") {
        self.fault = fault
        self.detail = detail
    }

    /// After the name of the document.
    var words: String { detail.isEmpty ? fault.words : "\(fault.words): \(detail)" }

    var json: JSONValue { ["error": .string(fault.rawValue), "detail": .string(detail)] }

    init?(_ json: JSONValue) {
        guard let text = json["error"]?.string, let fault = DocumentFault(rawValue: text) else { return nil }
        self.init(fault, json["detail"]?.string ?? "")
    }
}
