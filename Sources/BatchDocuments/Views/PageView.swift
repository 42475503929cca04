public import BatchCore
internal import BatchEngine
internal import BatchSystem

/// What a person looks at: the picture of a page, its words with where they stand, and files that wait for a decision.
extension Documents {
    /// - Throws: `ERR_UX_UNKNOWN_NAME` when there is no such page.
    public func words(_ key: String, page number: Int) throws(BatchError) -> DocumentWordsReport {
        let (document, page) = try page(key, number)
        let words = try store.words(of: page.id).compactMap { word -> DocumentWordsReport.Word? in
            guard let parts = word.array, parts.count >= 5, let text = parts[0].string else { return nil }
            return .init(text: text, box: parts[1...4].map { Int($0.integer ?? 0) })
        }
        return DocumentWordsReport(
            key: document.key, name: document.name, page: number, width: page.width, height: page.height, words: words)
    }

    /// A PNG of a page, at most 1,600 pixels wide or high: of the searchable PDF, or of what came in until there is one.
    /// - Throws: `ERR_INTEGRATION_FILE` when neither is there.
    public func image(_ key: String, page number: Int) throws(BatchError) -> [UInt8] {
        let (document, source) = try page(key, number)
        if document.finalPDF == nil, let picture = try picture(of: source, document) { return picture }
        guard let name = document.report.finalPDF,
            case let path = FilePath.join(folders.output, name), FileStatus(path)?.isFile == true
        else {
            throw BatchError(
                .fileMissing, "the PDF of \(document.name) is not there",
                hint: "see where it was: \(command: "ocr show \(DocumentKey.exact(document.key))")")
        }
        let program = CommandLineProgram(
            arguments: [
                "pdftoppm", "-png", "-singlefile", "-scale-to", "1600", "-f", "\(number)", "-l", "\(number)", path,
            ], folder: folders.root, timeout: 30_000, outputLimit: 32 << 20)
        let outcome = try ExternalCommand(program).run()
        try outcome.requireSuccess(of: program, for: "the picture of a page")
        return Array(outcome.output.bytes)
    }

    /// Of a document that has no PDF yet; nil when its page is not there.
    private func picture(of page: DocumentStore.Page, _ document: DocumentRecord) throws(BatchError) -> [UInt8]? {
        let folder = folders.work(document.key)
        guard let file = page.source["file"]?.string, !file.isEmpty, Folder.exists("\(folder)/\(file)") else {
            return nil
        }
        let target = "\(folder)/view-\(session.context.randomID().prefix(12)).png"
        defer { Folder.remove(target) }
        let source = (page.source.members ?? []).filter { $0.key != "file" }
        let request = JSONValue.object(
            source + [
                .init("do", "picture"), .init("file", .string("\(folder)/\(file)")), .init("target", .string(target)),
            ])
        let limits = WorkerPool.Limits(workers: 1, deadline: 30_000)
        let pool = WorkerPool(limits, folder: folders.root, clock: session.context.clock)
        guard case .success = try pool.answer(to: request) else { return nil }
        return try DurableFile.read(target, atMost: 32 << 20)
    }

    /// The keys of documents of which a second file waits for a decision.
    public func held() throws(BatchError) -> [String] {
        var keys: [String] = []
        for key in try HeldFiles(folders).keys() where try store.document(key) != nil { keys.append(key) }
        return keys
    }

    private func page(
        _ key: String, _ number: Int
    ) throws(BatchError) -> (DocumentRecord, DocumentStore.Page) {
        let document = try store.document(meant: key)
        if let page = try store.pages(of: document.key).first(where: { $0.number == number }) {
            return (document, page)
        }
        throw BatchError(
            .unknownName, "\(document.name) has no page \(number)",
            hint: "see how many it has: \(command: "ocr show \(DocumentKey.exact(document.key))")")
    }
}
