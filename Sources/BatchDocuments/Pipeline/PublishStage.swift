internal import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Pages become a PDF.
struct PublishStage {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    /// Whether files of its pages are gone: it was published before. Its input comes back to where it is worked on.
    func lacksPages(_ document: DocumentRecord) throws(BatchError) -> Bool {
        let input = stage.folders.work(document.key) + "/input"
        if let home = stage.folders.home(of: document.key, document.name), !home.hasPrefix(input) {
            _ = try DataFolders.move(home, to: input, as: document.name)
            try Folder.removeAll(stage.folders.error(document.key))
        }
        let files = try stage.store.pages(of: document.key).flatMap { stage.source(document.key, $0) }
            .filter { $0.key == "file" }.compactMap(\.value.string).filter { !$0.endsInSlash }
        return files.contains { !Folder.exists($0) }
    }

    private func made(_ key: String) -> String { stage.folders.work(key) + "/final.pdf" }

    private func outputs(of document: DocumentRecord) -> [DocumentProfile.Output] {
        (stage.profile(of: document)["output"]?.array ?? []).compactMap {
            $0.string.flatMap(DocumentProfile.Output.init)
        }
    }

    /// With its version; that of a plugin has its name.
    private func engine(of document: DocumentRecord) -> String {
        let profile = stage.profile(of: document)
        return (profile["plugin"] == nil ? "tesseract " : "") + (profile["engine"]?.string ?? "")
    }

    func request(for document: DocumentRecord) throws(BatchError) -> JSONValue {
        let folder = stage.folders.work(document.key)
        var pages: [JSONValue] = []
        for page in try stage.store.pages(of: document.key) {
            let words = try stage.store.words(of: page.id)
            var source = stage.source(document.key, page).filter { $0.key != "width" && $0.key != "height" }
            source += [
                .init("width", JSONValue(page.width)), .init("height", JSONValue(page.height)),
                .init("text", JSONValue(page.text)), .init("words", .array(words)),
            ]
            pages.append(.object(source))
        }
        var members: [JSONValue.Member] = [
            .init("output", .string(made(document.key))), .init("title", .string(try title(of: document))),
            .init("pages", .array(pages)), .init("archival", .bool(outputs(of: document).contains(.pdfa))),
            .init("timeout", .integer(Int64(stage.settings.jobTimeout) * 900)),
            .init("engine", .string(engine(of: document))),
            .init(
                "beside",
                .object(
                    outputs(of: document).compactMap { output in
                        output.ending.map { .init(output.rawValue, .string("\(folder)/final.\($0)")) }
                    })),
        ]
        if document.kind == .pdf { members.append(.init("source", .string("\(folder)/input/\(document.name)"))) }
        let file = folder + "/publish.json"
        try DurableFile.write(Array(JSONWriter.text(.object(members)).utf8), to: file)
        return ["do": "publish", "job": .string(file)]
    }

    /// What the file says of itself, else its name.
    private func title(of document: DocumentRecord) throws(BatchError) -> String {
        let given = try stage.store.fields(of: document.key, state: DocumentField.State.given.rawValue)
        func value(_ name: String) -> String? { given.first { $0.field == name }?.value }
        guard let title = value("Title") ?? value("Series") else { return document.name }
        guard let series = value("Series"), series != title else { return title }
        return value("Number").map { "\(series) \($0): \(title)" } ?? "\(series): \(title)"
    }

    func finish(_ document: DocumentRecord, _ result: Result<JSONValue, DocumentError>) throws(BatchError) {
        let file = made(document.key)
        switch result {
        case .success:
            guard let fault = defect(of: file, document) else { return try publish(document, file) }
            try stage.fail(document, DocumentError(.pdfInvalid, fault))
        case .failure(let error):
            try stage.fail(document, error)
        }
    }

    /// Why it is not published; nil when it may be.
    private func defect(of file: String, _ document: DocumentRecord) -> String? {
        guard let size = FileStatus(file)?.size else { return "it is not there" }
        let least = stage.settings.smallestPDF
        // Of a PDF that was smaller when it came in: what is added, or copied, is not what makes it small.
        let isSmallByItself = document.kind == .pdf && document.size < least
        guard size >= least || isSmallByItself else { return "\(size) bytes, and min_pdf_size_bytes is \(least)" }
        return PDFLibrary.begins(file) ? nil : "it does not begin with %PDF-"
    }

    private func publish(_ document: DocumentRecord, _ file: String) throws(BatchError) {
        let hash = try SHA256.hex(ofFile: file)
        let names = PublishedName(stage)
        let (name, previous) = try names.link(file, document, hash)
        var beside: [JSONValue] = []
        for ending in outputs(of: document).compactMap(\.ending) {
            beside.append(
                try names.link("\(stage.folders.work(document.key))/final.\(ending)", beside: name, ending, document))
        }
        stage.step.session.context.reach("pdf-linked")
        let pages = try stage.store.pages(of: document.key)
        let characters = pages.reduce(0) { $0 + ($1.text?.count ?? 0) }
        let confidences = pages.compactMap(\.confidence)
        let mean = confidences.isEmpty ? nil : confidences.reduce(0, +) / Double(confidences.count)
        let note: JSONValue = [
            "pdf": .string(name), "key": .string(document.key), "sha256": .string(hash),
            "previous": JSONValue(previous), "beside": .array(beside),
        ]
        let fields = try stage.fields(of: document)
        try stage.step.checkpoint(noting: note) { () throws(BatchError) in
            try stage.write(fields, of: document.key, insteadOf: [.staged])
            try stage.set(
                document.key,
                [
                    ("state", .string(DocumentState.done.rawValue)), ("final_pdf", .string(name)),
                    ("pdf_sha256", .string(hash)), ("text_chars", .integer(Int64(characters))),
                    ("confidence", mean.map(SQLValue.real) ?? .null), ("error", .null),
                    ("message", .optional(remarks(on: document, pages, hash))),
                ])
        }
        WorkLog.ocr.write("published as \(name)", document.key, stage)
        try tidy(document)
    }

    /// What a reader of the PDF should know; nil for nothing.
    private func remarks(on document: DocumentRecord, _ pages: [DocumentStore.Page], _ hash: String) -> String? {
        let told = [gaps(in: pages), wordless(pages), brokenSignature(document, pages, hash)].compactMap(\.self)
        return told.isEmpty ? nil : told.joined(separator: "; ")
    }

    /// Pages that were read, and on which there is no word: a picture, a blank page, or writing that the engine does not
    /// know. Nil when there is none.
    private func wordless(_ pages: [DocumentStore.Page]) -> String? {
        let empty = pages.filter { $0.fault == nil && ($0.text ?? "").allSatisfy(\.isWhitespace) }
        guard let first = empty.first else { return nil }
        if pages.count == 1 { return "no word was found" }
        return empty.count == 1
            ? "no word was found on page \(first.number)"
            : "no word was found on \(empty.count) of \(pages.count) pages; the first of them: page \(first.number)"
    }

    /// Nil when nobody has signed it, or it is published as it came in.
    private func brokenSignature(_ document: DocumentRecord, _ pages: [DocumentStore.Page], _ hash: String) -> String? {
        guard hash != document.fileHash, pages.contains(where: { $0.source["signed"]?.bool == true }) else {
            return nil
        }
        return "is signed, and the signature does not hold for the PDF with text: the signed one is in data/archive"
    }

    /// Which pages are placeholders or have no text, and why; nil when none does.
    private func gaps(in pages: [DocumentStore.Page]) -> String? {
        let faulty = pages.filter { $0.fault != nil }
        let empty = faulty.filter { $0.source["mode"]?.string == PageSource.Mode.gap.rawValue }
        let unread = faulty.filter { $0.source["mode"]?.string != PageSource.Mode.gap.rawValue }
        let told = [
            list(empty, one: "is a placeholder", several: "are placeholders"),
            list(unread, one: "could not be read and has no text", several: "could not be read and have no text"),
        ]
        return told.contains { $0 != nil } ? told.compactMap(\.self).joined(separator: "; ") : nil
    }

    private func list(_ pages: [DocumentStore.Page], one: String, several: String) -> String? {
        guard let page = pages.first else { return nil }
        let first = "page \(page.number) \(page.fault ?? "")"
        return pages.count == 1
            ? "1 page \(one): \(first)" : "\(pages.count) pages \(several); the first of them: \(first)"
    }

    /// The input goes to the archive, and what was made on the way goes away.
    private func tidy(_ document: DocumentRecord) throws(BatchError) {
        let (folders, key) = (stage.folders, document.key)
        let input = "\(folders.work(key))/input/\(document.name)"
        if Folder.exists(input) { _ = try DataFolders.move(input, to: folders.archive(key), as: document.name) }
        if stage.settings.keepWorkDays == 0 { return try Folder.removeAll(folders.work(key)) }
        let beside = DocumentProfile.Output.allCases.compactMap(\.ending).map { "final.\($0)" }
        for name in ["pages", "input", "publish.json", "final.pdf"] + beside {
            try Folder.removeAll("\(folders.work(key))/\(name)")
        }
        try stage.writeState(key)
    }
}

/// The name of a PDF in `out`: that of the input, unless another document has it.
struct PublishedName {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    /// The names that a file may have in `out`, in the order in which they are tried.
    private static func names(_ key: String, _ name: String, _ ending: String) -> [String] {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let stem = parts.count > 1 && !parts[0].isEmpty ? parts.dropLast().joined(separator: ".") : name
        let hashes = key.split(separator: "_").map { $0.prefix(6) }
        return ["\(stem).\(ending)", "\(stem)__job-\(hashes.reversed().joined()).\(ending)"]
    }

    /// Names of files in `out` that a process has put there that was killed before it noted them: they are still in the work
    /// folder too.
    static func unnoted(_ key: String, _ name: String, _ folders: DataFolders) throws(BatchError) -> [String] {
        let work = folders.work(key)
        guard Folder.exists("\(work)/final.pdf") else { return [] }
        var found: [String] = []
        for file in try Folder.names(in: work) where file.hasPrefix("final.") {
            let hash = try SHA256.hex(ofFile: "\(work)/\(file)")
            for name in names(key, name, String(file.dropFirst("final.".count))) {
                let target = "\(folders.output)/\(name)"
                if FileStatus(target, followingLinks: false)?.isFile == true, try SHA256.hex(ofFile: target) == hash {
                    found.append(name)
                }
            }
        }
        return found
    }

    /// - Returns: its name in `out`, and where below the data the PDF is now that had it before.
    func link(
        _ file: String, _ document: DocumentRecord, _ hash: String
    ) throws(BatchError) -> (name: String, previous: String?) {
        if let own = document.finalPDF { return (own, try replace(own, with: file, document)) }
        let name = try place(file, hash, document.name, "pdf", document) { (name) throws(BatchError) in
            try stage.store.documents(where: "final_pdf = ?", [.string(name)]).allSatisfy { $0.key == document.key }
        }
        return (name, nil)
    }

    /// Gives a file the name of its document, or the one with digits when that is taken.
    /// - Parameter isFree: whether no other document has the name: then a file of these bytes was linked before the tool was
    ///   killed.
    private func place(
        _ file: String, _ hash: String, _ base: String, _ ending: String, _ document: DocumentRecord,
        isFree: (String) throws(BatchError) -> Bool = { _ in true }
    ) throws(BatchError) -> String {
        let names = PublishedName.names(document.key, base, ending)
        for name in names {
            let target = "\(stage.folders.output)/\(name)"
            let copy = try TemporaryFile(for: target)
            try copy.file.copy(of: file)
            if try copy.publishNew() { return name }
            if try isFree(name), try SHA256.hex(ofFile: target) == hash { return name }
        }
        throw BatchError(
            .fileExists, "\(stage.folders.output)/\(names[0]) is taken, and so is its other name",
            hint: "move these files away, then: \(command: "resume --id BATCH")")
    }

    /// A file beside the PDF: its name, unless a stranger's file has that.
    /// - Returns: its name, its hash, and where below the data the one is now that it replaces: what a rollback needs.
    func link(
        _ file: String, beside pdf: String, _ ending: String, _ document: DocumentRecord
    ) throws(BatchError) -> JSONValue {
        let hash = try SHA256.hex(ofFile: file)
        func answer(_ name: String, _ previous: String?) -> JSONValue {
            ["file": .string(name), "sha256": .string(hash), "previous": JSONValue(previous)]
        }
        let earlier = document.finalPDF == nil ? [] : try stage.store.besides(of: document.key)
        if let own = earlier.last(where: { $0.name.hasSuffix(".\(ending)") }) {
            let target = "\(stage.folders.output)/\(own.name)"
            return answer(own.name, try replace(target, own.hash, with: file, document.key, ending))
        }
        return answer(try place(file, hash, pdf, ending, document), nil)
    }

    /// The PDF of this document that is there stays, out of the way: a rollback brings it back.
    private func replace(
        _ own: String, with file: String, _ document: DocumentRecord
    ) throws(BatchError) -> String? {
        try replace(
            "\(stage.folders.output)/\(own)", try stage.store.hashOfPDF(document.key) ?? "", with: file, document.key,
            "pdf")
    }

    /// - Parameter known: the hash of the file when it was ours; another one is not kept.
    private func replace(
        _ target: String, _ known: String, with file: String, _ key: String, _ ending: String
    ) throws(BatchError) -> String? {
        let place = "archive/\(key)/versions/\(known.prefix(12)).\(ending)"
        let kept = "\(stage.folders.root)/\(place)"
        if Folder.exists(target), try SHA256.hex(ofFile: target) == known {
            try Folder.create(FilePath.parent(kept))
            let copy = try TemporaryFile(for: kept)
            try copy.file.copy(of: target)
            try copy.publish()
        }
        let copy = try TemporaryFile(for: target)
        try copy.file.copy(of: file)
        try copy.publish()
        return Folder.exists(kept) ? place : nil
    }
}
