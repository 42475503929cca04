internal import BatchCore
internal import BatchSystem

/// Something that reads pictures of pages.
protocol PageReader: AnyObject {
    /// - Parameter regions: of the picture, left, top, width, height; none: all of it.
    func recognise(
        _ picture: Picture, dpi: Int, segmentation: Int32, regions: [[Int]]
    ) throws(DocumentError) -> RecognisedPage
}

extension Engine: PageReader {}

/// A program that reads in place of Tesseract. It is started once a worker as `PATH ocr-engine`, is told one line of JSON
/// for each page, and answers with one. See docs/documents.md.
final class PluginEngine: PageReader {
    let path: String
    private let process: LineProcess
    /// Where pictures are handed over: that of the document which is read.
    var folder: String
    private let languages: String
    /// It has answered what it was asked last, so it is there and knows what is asked next.
    private(set) var isReady = true

    /// - Parameter folder: where pictures are handed over. The program itself works in the folder of the worker, since it
    ///   outlives those of the documents.
    init(path: String, languages: String, folder: String) throws(DocumentError) {
        (self.path, self.languages, self.folder) = (path, languages, folder)
        let program = CommandLineProgram(
            arguments: [path, "ocr-engine"], folder: FilePath.current, sharesGroup: true)
        do throws(BatchError) { process = try LineProcess(program) } catch {
            throw DocumentError(.engine, error.message)
        }
    }

    deinit { process.end() }

    func isSame(_ path: String, _ languages: String) -> Bool { self.path == path && self.languages == languages }

    /// Its name and version, as a part of the keys of documents.
    func version() throws(DocumentError) -> String {
        let answer = try ask(["do": "info"])
        guard let version = answer["version"]?.string, !version.isEmpty else {
            throw DocumentError(.engine, "the plugin does not say its version")
        }
        return version
    }

    func recognise(
        _ picture: Picture, dpi: Int, segmentation: Int32, regions: [[Int]]
    ) throws(DocumentError) -> RecognisedPage {
        let file = TemporaryName.beside("\(folder)/.engine.png")
        defer { Folder.remove(file) }
        try picture.write(png: file)
        let answer = try ask([
            "do": "recognise", "image": .string(file), "dpi": JSONValue(dpi), "languages": .string(languages),
            "psm": JSONValue(Int(segmentation)),
            "regions": .array(regions.map { .array($0.map { JSONValue($0) }) }),
        ])
        guard let words = answer["words"]?.array else {
            throw DocumentError(.engine, "the plugin answers without words")
        }
        var page = RecognisedPage()
        for word in words { try page.append(word, width: picture.width, height: picture.height) }
        return page
    }

    /// The worker has a deadline, and ends its children with itself.
    private func ask(_ request: JSONValue) throws(DocumentError) -> JSONValue {
        isReady = false
        guard process.lines().isEmpty else { throw DocumentError(.engine, "the plugin writes without being asked") }
        do throws(BatchError) { try process.send(JSONWriter.text(request)) } catch {
            throw DocumentError(.crashed, process.lastWords)
        }
        while true {
            let lines = process.lines()
            guard lines.count < 2 else { throw DocumentError(.engine, "the plugin answers with more than one line") }
            if let line = lines.first {
                guard let answer = try? JSONParser.parse(line), answer.members != nil else {
                    throw DocumentError(.engine, "the plugin does not answer in JSON")
                }
                isReady = true
                if let fault = answer["error"]?.string { throw DocumentError(.engine, PlainText.oneLine(fault)) }
                return answer
            }
            if process.hasClosed { throw DocumentError(.crashed, process.lastWords) }
            // Nobody waits for the answer any more: whoever asked was killed.
            if OCRWorker.isAlone { throw DocumentError(.crashed, "nobody waits for it") }
            LineProcess.wait(for: [process], milliseconds: 1_000)
        }
    }
}

extension RecognisedPage {
    /// - Parameter word: text, left, top, width, height, confidence, and what it stands after: `blank`, `line`, `paragraph`.
    fileprivate mutating func append(_ word: JSONValue, width: Int, height: Int) throws(DocumentError) {
        guard let given = Word(word), given.left >= 0, given.top >= 0, given.width >= 0, given.height >= 0,
            given.left <= width, given.top <= height, given.width <= width - given.left,
            given.height <= height - given.top, (0...1).contains(given.confidence)
        else {
            throw DocumentError(
                .engine, "the plugin answers with something that is not a word, or lies outside the page")
        }
        // No control character, and no line of its own: pages of a text are divided by those.
        let text = PlainText.oneLine(given.text)
        guard text.contains(where: { !$0.isWhitespace }) else { return }
        let after = word.array?.dropFirst(6).first?.string
        append(
            Word(
                text: text, left: given.left, top: given.top, width: given.width, height: given.height,
                confidence: given.confidence),
            after == "paragraph" ? .paragraph : after == "line" ? .line : .blank)
    }
}
