public import BatchCore
internal import BatchEngine
internal import BatchSystem

/// Files that were here already, and wait for a decision.
extension Documents {
    /// What becomes of such a file.
    public enum Decision: String, CaseIterable, Sendable {
        case reuse
        case discard
        case reprocess
    }

    /// - Parameter text: the name of a held file, as `list` shows it; or its document: then all that are held for that.
    /// - Throws: `ERR_UX_UNKNOWN_NAME`; `ERR_UX_USAGE` when nothing is held for the document, or files of several
    ///   documents have the name.
    public func decide(_ text: String, _ decision: Decision) throws(BatchError) -> DocumentReport {
        let (document, names) = try held(meant: text, decision)
        let folder = folders.held(document.key)
        guard decision == .reprocess else {
            guard let home = folders.home(of: document.key, document.name), !home.hasPrefix(folder) else {
                throw BatchError(
                    .wrongState, "the first file of \(document.name) is gone: this one is the only one left",
                    hint: "read it again: \(command: "ocr decide \(text) --action reprocess")")
            }
            for name in names { try DurableFile.remove("\(folder)/\(name)") }
            try HeldFiles(folders).tidy(document.key)
            return DocumentReport(entries: [document.report], output: folders.output)
        }
        // As its first file was read.
        let staged = StagingFolder.name(session.context.randomID(), StagedProfile(of: document))
        let lock = try StagingFolder.make("\(folders.staging)/\(staged)")
        defer { withExtendedLifetime(lock) {} }
        for name in names {
            _ = try DataFolders.move("\(folder)/\(name)", to: "\(folders.staging)/\(staged)", as: name)
        }
        try HeldFiles(folders).tidy(document.key)
        return try intake(profile: nil, staged: staged, nonce: String(session.context.randomID().prefix(16)))
    }

    /// The files that a person means, and the document that they are the same as.
    private func held(
        meant text: String, _ decision: Decision
    ) throws(BatchError) -> (document: DocumentRecord, names: [String]) {
        let named = try heldFiles().filter { $0.name == text || "\(DocumentKey.exact($0.key))/\($0.name)" == text }
        if let first = named.first, named.count > 1 {
            let exact = "\(DocumentKey.exact(first.key))/\(first.name)"
            throw BatchError(
                .usage, "'\(PlainText.oneLine(text))' is the name of \(named.count) files that wait for a decision",
                hint: "say of which document, e.g. \(command: "ocr decide \(exact) --action \(decision.rawValue)")")
        }
        if let only = named.first, let document = try store.document(only.key) { return (document, [only.name]) }
        if try releasedFiles().contains(where: { $0.name == text }) {
            throw BatchError(
                .wrongState,
                "\(PlainText.oneLine(text)) is the same as no other file any more: it comes in with the next intake",
                hint: "read it: \(command: "ocr discover")")
        }
        let document = try held(in: text)
        let names = try HeldFiles(folders).names(document.key)
        guard !names.isEmpty else {
            throw BatchError(
                .usage, "no second file of \(document.name) waits for a decision", hint: Documents.whatIsHeld)
        }
        return (document, names)
    }

    private func held(in text: String) throws(BatchError) -> DocumentRecord {
        do throws(BatchError) { return try store.document(meant: text) } catch {
            guard error.code == .unknownName else { throw error }
            throw BatchError(
                .unknownName, "there is no document '\(PlainText.oneLine(text))', and no file of that name is held",
                hint: Documents.whatIsHeld)
        }
    }

    private static var whatIsHeld: Hint {
        "see what waits for a decision: \(command: "ocr list --state DUPLICATE_PENDING")"
    }

    func heldFiles() throws(BatchError) -> [DocumentReport.Entry] {
        var entries: [DocumentReport.Entry] = []
        for key in try held() {
            guard let known = try store.document(key) else { continue }
            entries += try HeldFiles(folders).names(key).map { known.duplicate(named: $0, heldBy: known.batch) }
        }
        return entries
    }

    /// Those that come in with the next intake.
    func releasedFiles() throws(BatchError) -> [DocumentReport.Entry] {
        try HeldFiles(folders).released(store).map { key, path in
            DocumentReport.Entry(
                key: key, state: DocumentState.discovered.rawValue, name: FilePath.name(path), pages: nil,
                finalPDF: nil,
                characters: nil, confidence: nil, attempts: 0, error: nil,
                message: "is the same as no other file any more, and comes in with the next intake", batch: "")
        }
    }
}
