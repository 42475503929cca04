public import BatchCatalog
public import BatchCore
public import BatchLedger

/// What a module that can read documents does for the steps of the pipeline.
public protocol DocumentWork: Sendable {
    func run(_ kind: DocumentStep.Kind, _ step: StepRun) throws(BatchError)
    /// Brings the files of an effect back.
    func undo(_ effect: Effect, of batch: BatchID, in session: Session) throws(BatchError)
    /// Puts the files of an effect back to where they were before it was undone.
    /// - Returns: what cannot be put back, in words.
    func redo(_ effect: Effect, of batch: BatchID, in session: Session) throws(BatchError) -> [String]
    /// What is wrong with documents, for `workspace_faults`.
    func faults(of part: DocumentStep.Part, in session: Session) throws(BatchError) -> [HealingStep.Fault]
    /// What rules judge: what has happened since, and how it is now.
    func events(in session: Session, since: Timestamp) throws(BatchError) -> [RuleEvent]
}

/// `ocr.discover`, `ocr.prep`, `ocr.recognise`, `ocr.publish`: files come in, pages are read, a searchable PDF goes out.
public struct DocumentStep: StepKind {
    public enum Kind: String, CaseIterable, Sendable {
        case discover = "ocr.discover"
        case prep = "ocr.prep"
        case recognise = "ocr.recognise"
        case publish = "ocr.publish"
        case review = "ocr.review"
        case remove = "ocr.remove"
        case clean = "ocr.clean"
        case mend = "ocr.mend"
    }

    /// A part of `workspace_faults`.
    public enum Part: String, CaseIterable, Sendable {
        /// Work folders that nobody needs any more.
        case old = "old_documents"
        /// Nobody works on them any more.
        case stale = "stale_documents"
        /// Their state, or a file of theirs, is damaged.
        case corrupt = "corrupt_documents"
        /// They could not be read, and another try may end differently.
        case failed = "failed_documents"
        /// The disk has no room for them.
        case short = "short_documents"
    }

    /// The events that rules about documents judge.
    public static let events: Set<String> = [
        "input_rejected", "output", "pdf_invalid", "engine_error", "engine", "document_heartbeat", "document_disk",
        "document_state", "review_queue", "review_age_hours", "running",
    ]

    private let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    public var keys: KeyChoice {
        let table =
            switch kind {
            case .discover:
                KeyTable(
                    "an ocr.discover",
                    [
                        KeyRule("profile", .argument, "The profile of documents that come without one (`default`)."),
                        KeyRule("staged", .argument, "A folder of `work/_staging`, in place of `in`."),
                        KeyRule("nonce", .argument, "Makes the keys different, for files that should be read again."),
                        KeyRule("limit", .integer(1...100_000), "At most this many files in one batch (`100`)."),
                    ])
            case .review:
                KeyTable(
                    "an ocr.review",
                    [
                        KeyRule("key", .argument, required: true, "The document."),
                        KeyRule("action", .argument, required: true, "`accept`, `correct` or `reject`."),
                        KeyRule("words", .argument, "Corrected words: `[[page, number, text], …]`."),
                        KeyRule("to", .argument, "Who reviews it from now on."),
                    ])
            case .remove:
                KeyTable(
                    "an ocr.remove",
                    [
                        KeyRule("key", .argument, "The document."),
                        KeyRule("action", .argument, required: true, "`cancel`, `purge` or `reset`."),
                        KeyRule("archive", .argument, "Of a reset: the archive that has all files."),
                        KeyRule("keep", .argument, "Of a reset: folders that stay, separated by commas."),
                    ])
            case .clean:
                KeyTable(
                    "an ocr.clean",
                    [
                        KeyRule(
                            "days", .argument,
                            "How many days they are kept after a document is done (KEEP_WORK_DIR_DAYS)."
                        )
                    ])
            case .prep, .recognise, .publish, .mend: KeyTable("an \(kind.rawValue)", [])
            }
        let meaning =
            switch kind {
            case .discover: "Takes files in: checked, hashed, moved to a work folder."
            case .prep: "Takes documents apart into pages."
            case .recognise: "Reads the pages: text, words, boxes, confidence."
            case .publish: "Writes the searchable PDFs."
            case .remove: "Cancels or removes documents."
            case .review: "Carries out what a reviewer decides."
            case .mend: "Continues documents whose state is damaged, or that nobody works on any more."
            case .clean: "Removes work folders of documents that are done."
            }
        return KeyChoice(KeyRule(kind.rawValue, .record(table), meaning), beside: CatalogRules.tries)
    }

    public var place: StepPlace { .outside }
    /// The states of the documents say it.
    public var knowsWhatIsLeft: Bool { true }

    public func noun(_ step: StepDefinition) -> String { "work on documents" }

    public func require(_ step: StepDefinition, in session: Session) throws(BatchError) {
        if session.context.documents == nil { throw DocumentStep.unavailable }
    }

    public func run(_ step: StepRun) throws(BatchError) {
        guard let documents = step.session.context.documents else { throw DocumentStep.unavailable }
        try documents.run(kind, step)
    }

    public func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {
        guard let documents = session.context.documents else { throw DocumentStep.unavailable }
        try documents.undo(effect, of: batch.batch, in: session)
    }

    public var mayRedo: Bool { true }

    public func redo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) -> [String] {
        guard let documents = session.context.documents else { throw DocumentStep.unavailable }
        return try documents.redo(effect, of: batch.batch, in: session)
    }

    private static var unavailable: BatchError {
        BatchError(
            .libraryMissing, "documents cannot be read here", hint: "use the tool itself: \(command: "ocr info")")
    }
}
