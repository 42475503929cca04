internal import BatchCore
internal import BatchSystem
internal import Glibc

/// The child that touches what strangers have sent: one line of JSON in, one out. A crash, a hang or a flood of memory
/// ends it, and nothing else.
public enum OCRWorker {
    /// The only argument of such a child.
    public static let word = "ocr-worker"

    /// Answers until nobody asks any more.
    public static func serve() {
        // Names in archives are UTF-8; numbers keep their point.
        setlocale(LC_CTYPE, "C.UTF-8")
        var bench = WorkBench()
        while let line = readLine() {
            let answer: JSONValue
            do throws(DocumentError) {
                answer = try bench.answer((try? JSONParser.parse(line)) ?? .null)
            } catch {
                answer = error.json
            }
            guard (try? SystemCall.write(Array((JSONWriter.text(answer) + "\n").utf8), to: 1)) != nil else { return }
        }
    }
}

/// What a worker keeps warm.
private struct WorkBench {
    private var images: ImageLibrary?
    private var engine: Engine?

    mutating func answer(_ request: JSONValue) throws(DocumentError) -> JSONValue {
        switch request["do"]?.string {
        case "prepare": return try Preparation(request, try library()).perform()
        case "recognise": return try recognise(request)
        case "publish": return try Publication(request, try library()).perform()
        case "info":
            return [
                "leptonica": .string(try library().version), "tesseract": .string(try Engine.version()),
                "qpdf": .string(try PDFLibrary.load().version), "libarchive": .string(try ArchiveReader.version()),
            ]
        default: throw DocumentError(.engine, "unknown request")
        }
    }

    private mutating func library() throws(DocumentError) -> ImageLibrary {
        if let images { return images }
        let loaded = try ImageLibrary.load()
        images = loaded
        return loaded
    }

    private mutating func recognise(_ request: JSONValue) throws(DocumentError) -> JSONValue {
        let languages = request["languages"]?.string ?? "eng"
        let images = try library()
        let source = PageSource(request)
        if source.mode == .gap { return RecognisedPage().json(width: 850, height: 1_100) }
        if source.mode == .text, request["redo"]?.bool != true { return try PageText(source).json() }
        if engine?.languages != languages { engine = try Engine(languages: languages) }
        guard let engine else { throw DocumentError(.engine) }
        return try source.recognise(engine, images, segmentation: Int32(request["psm"]?.integer ?? 3))
    }
}

/// Where the picture of a page is.
struct PageSource {
    enum Mode: String {
        /// A frame of an image file.
        case image
        /// A page of a PDF that has to be drawn.
        case drawn
        /// A page of a PDF that has text.
        case text
        /// A page that could not be read: an empty one stands for it.
        case gap
    }

    let file: String
    let frame: Int
    let mode: Mode
    let rotate: Int
    let dpi: Int
    let timeout: Int64

    init(_ json: JSONValue) {
        file = json["file"]?.string ?? ""
        frame = Int(json["frame"]?.integer ?? 0)
        mode = json["mode"]?.string.flatMap(Mode.init) ?? .image
        rotate = Int(json["rotate"]?.integer ?? 0)
        dpi = Int(json["dpi"]?.integer ?? 300)
        timeout = json["timeout"]?.integer ?? 60_000
    }

    func recognise(
        _ engine: Engine, _ images: ImageLibrary, segmentation: Int32
    ) throws(DocumentError) -> JSONValue {
        let picture: Picture
        switch mode {
        case .image: picture = try images.read(file, frame: frame).turned(rotate).readable()
        case .drawn, .text, .gap:
            let drawn = try drawing()
            defer { Folder.remove(drawn) }
            picture = try images.read(drawn, frame: 0).readable()
        }
        let words = try engine.recognise(picture, dpi: dpi, segmentation: segmentation)
        return words.json(width: picture.width, height: picture.height)
    }

    /// A page as a picture, in a file beside it.
    private func drawing() throws(DocumentError) -> String {
        let target = "\(file).\(Environment.processID).\(frame)"
        let program = CommandLineProgram(
            arguments: [
                "pdftoppm", "-r", "\(dpi)", "-f", "\(frame + 1)", "-l", "\(frame + 1)", "-singlefile", "-gray", "-png",
                file,
                target,
            ], folder: FilePath.parent(file), timeout: timeout, grace: 200)
        let outcome = try PageSource.run(program)
        guard Folder.exists(target + ".png") else {
            throw DocumentError(.damaged, "page \(frame + 1) cannot be drawn\(outcome.map { ": " + $0 } ?? "")")
        }
        return target + ".png"
    }

    /// What went wrong; nil when all is well.
    static func run(_ program: CommandLineProgram) throws(DocumentError) -> String? {
        do throws(BatchError) {
            let outcome = try ExternalCommand(program).run()
            if case .exited(0) = outcome.ending { return nil }
            return outcome.errors.lastLine ?? "\(program.name) failed"
        } catch {
            throw DocumentError(.engine, error.message)
        }
    }
}
