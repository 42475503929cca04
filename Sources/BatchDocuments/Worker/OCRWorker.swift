internal import BatchCore
internal import BatchSystem
internal import Glibc

/// The child that touches what strangers have sent: one line of JSON in, one out. A crash, a hang or a flood of memory
/// ends it, and nothing else.
public enum OCRWorker {
    /// The only argument of such a child.
    public static let word = "ocr-worker"

    private static let owner = getppid()
    /// Whether the process that started it is gone.
    static var isAlone: Bool { getppid() != owner }

    /// Answers until nobody asks any more.
    public static func serve() {
        // Names in archives are UTF-8; numbers keep their point.
        setlocale(LC_CTYPE, "C.UTF-8")
        Allocation.keepsLargeBlocks()
        _ = owner
        var bench = WarmLibraries()
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
private struct WarmLibraries {
    private var images: ImageLibrary?
    private var engine: Engine?
    private var plugin: PluginEngine?

    mutating func answer(_ request: JSONValue) throws(DocumentError) -> JSONValue {
        switch request["do"]?.string {
        case "prepare": return try Preparation(request, try library()).perform()
        case "recognise": return try recognise(request)
        case "warm":
            _ = try reader(request)
            return [:]
        case "picture":
            try PageSource(request).picture(try library(), most: 1_600).write(png: request["target"]?.string ?? "")
            return [:]
        case "shorten":
            _ = try Engine.version()
            return ["shortened": JSONValue(Engine.shorten())]
        case "publish": return try Publication(request, try library()).perform()
        case "info":
            if let path = request["engine"]?.string {
                let folder = request["folder"]?.string ?? "/"
                return ["version": .string(try PluginEngine(path: path, languages: "", folder: folder).version())]
            }
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
        let images = try library()
        let source = PageSource(request)
        if source.mode == .gap { return RecognisedPage().json(width: 850, height: 1_100) }
        if source.mode == .text {
            guard let regions = try source.regions() else { return try PageText(source).json() }
            return try source.recognise(regions, try reader(request), images)
        }
        return try source.recognise(
            try reader(request), images, segmentation: Int32(request["psm"]?.integer ?? 3),
            deskew: request["deskew"]?.string.flatMap(DocumentProfile.Deskew.init) ?? .recognise)
    }

    /// The warm engine, or a new one for other languages.
    private mutating func reader(_ request: JSONValue) throws(DocumentError) -> any PageReader {
        let languages = request["languages"]?.string ?? "eng"
        if let path = request["engine"]?.string {
            let folder = FilePath.parent(request["file"]?.string ?? "/")
            if let plugin, plugin.isReady, plugin.isSame(path, languages) {
                plugin.folder = folder
                return plugin
            }
            plugin = nil
            let started = try PluginEngine(path: path, languages: languages, folder: folder)
            plugin = started
            return started
        }
        if let engine, engine.languages == languages { return engine }
        let loaded = try Engine(languages: languages, isShortened: request["shortened"]?.bool != false)
        engine = loaded
        return loaded
    }
}

/// Where the picture of a page is.
struct PageSource {
    enum Mode: String {
        /// A frame of an image file.
        case image
        /// A page of a PDF that has to be drawn.
        case drawn
        /// A page of a PDF that is one picture: it is taken out.
        case picture
        /// A page of a PDF that has text, which stays.
        case text
        /// A page that could not be read: an empty one stands for it.
        case gap
    }

    let file: String
    let frame: Int
    let mode: Mode
    let rotate: Int
    /// Its picture is mirrored before it is turned.
    let isMirrored: Bool
    let dpi: Int
    /// Of its picture as it lies in the file, before it is turned.
    let resolution: Resolution
    let timeout: Int64
    /// Degrees by which its picture was straightened, and is in the PDF; 0 for none.
    let tilt: Double
    private let json: JSONValue

    init(_ json: JSONValue) {
        self.json = json
        file = json["file"]?.string ?? ""
        frame = Int(json["frame"]?.integer ?? 0)
        mode = json["mode"]?.string.flatMap(Mode.init) ?? .image
        rotate = Int(json["rotate"]?.integer ?? 0)
        isMirrored = json["mirrored"]?.bool == true
        dpi = Int(json["dpi"]?.integer ?? 300)
        resolution = Resolution(across: dpi, down: json["dpiDown"]?.integer.map { Int($0) } ?? dpi)
        timeout = json["timeout"]?.integer ?? 60_000
        tilt = json["tilt"]?.real ?? 0
    }

    /// - Parameter deskew: a crooked page is straightened to be read. Unless its picture is straightened too, the boxes are
    ///   turned back.
    func recognise(
        _ engine: any PageReader, _ images: ImageLibrary, segmentation: Int32, deskew: DocumentProfile.Deskew
    ) throws(DocumentError) -> JSONValue {
        let picture = try picture(images)
        let (square, fit) = try squared(picture)
        let tilt = deskew == .off ? nil : square.tilt()
        let straight = try tilt.map { (tilt) throws(DocumentError) in try square.straightened(by: tilt) }
        var words = try engine.recognise(
            straight ?? square, dpi: fit.across, segmentation: segmentation, regions: [])
        if let tilt, deskew == .image, mode == .image {
            return words.json(width: square.width, height: square.height, tilt: tilt)
        }
        if let tilt { words = words.turned(by: -tilt, width: square.width, height: square.height) }
        words = words.scaled(from: (square.width, square.height), to: (picture.width, picture.height))
        return words.json(width: picture.width, height: picture.height)
    }

    /// A picture of an image file as the engine sees it, and the resolution of that.
    func squared(_ picture: Picture) throws(DocumentError) -> (picture: Picture, resolution: Resolution) {
        guard mode == .image else { return (picture, resolution) }
        return try picture.squared(resolution.turned(rotate))
    }

    private func picture(_ images: ImageLibrary) throws(DocumentError) -> Picture {
        let picture: Picture
        switch mode {
        case .image: picture = try upright(images)
        case .picture:
            if let own = takenOut(images) {
                picture = try own.turned(rotate).readable()
            } else {
                picture = try draw(images, dpi: Int(json["drawnDpi"]?.integer ?? 300))
            }
        case .drawn, .text, .gap: picture = try draw(images, dpi: dpi)
        }
        return picture
    }

    /// The picture of an image file as its camera wants it to be seen.
    func upright(_ images: ImageLibrary) throws(DocumentError) -> Picture {
        let picture = try images.read(file, frame: frame)
        return try (isMirrored ? picture.mirrored() : picture).turned(rotate).readable()
    }

    /// As people look at it.
    /// - Parameter most: pixels of the longer side.
    func picture(_ images: ImageLibrary, most: Int) throws(DocumentError) -> Picture {
        switch mode {
        case .image: try squared(upright(images)).picture.shrunk(to: most)
        case .gap: throw DocumentError(.noPages)
        case .picture, .drawn, .text: try draw(images, dpi: 100).shrunk(to: most)
        }
    }

    // MARK: Pages of a PDF

    /// Parts of a page with text that are worth reading, 0 to 1; nil when there are none. Where a picture has text on it
    /// already, somebody has read it before.
    func regions() throws(DocumentError) -> [[Double]]? {
        let all = (json["regions"]?.array ?? []).map { ($0.array ?? []).compactMap(\.real) }.filter { $0.count == 4 }
        guard !all.isEmpty else { return nil }
        if json["everywhere"]?.bool == true { return all }
        let page = try PageText(self).page()
        let (width, height) = (Double(max(page.width, 1)), Double(max(page.height, 1)))
        let unread = all.filter { region in
            !page.words.words.contains { word in
                let x = (Double(word.left) + Double(word.width) / 2) / width
                let y = (Double(word.top) + Double(word.height) / 2) / height
                return x >= region[0] && x <= region[0] + region[2] && y >= region[1] && y <= region[1] + region[3]
            }
        }
        return unread.isEmpty ? nil : unread
    }

    /// Adds what is in these parts of a page to the text that it has.
    func recognise(
        _ regions: [[Double]], _ engine: any PageReader, _ images: ImageLibrary
    ) throws(DocumentError) -> JSONValue {
        let picture = try draw(images, dpi: dpi)
        let pixels = regions.map { region in
            let left = max(0, Int(region[0] * Double(picture.width)))
            let top = max(0, Int(region[1] * Double(picture.height)))
            return [
                left, top, min(picture.width - left, Int(region[2] * Double(picture.width))),
                min(picture.height - top, Int(region[3] * Double(picture.height))),
            ]
        }.filter { $0[2] > 10 && $0[3] > 10 }
        guard !pixels.isEmpty else { return try PageText(self).json() }
        let found = try engine.recognise(picture, dpi: dpi, segmentation: 3, regions: pixels)
        return try PageText(self).json(adding: found)
    }

    private func draw(_ images: ImageLibrary, dpi: Int) throws(DocumentError) -> Picture {
        let drawn = try drawing(dpi: dpi)
        defer { Folder.remove(drawn) }
        return try images.read(drawn, frame: 0).readable()
    }

    /// The only picture of a page; nil when it is not what the page says.
    private func takenOut(_ images: ImageLibrary) -> Picture? {
        let target = TemporaryName.beside(file)
        let program = CommandLineProgram(
            // TIFF as it is: to compress a page and to read that again takes as long as a third of its recognition.
            arguments: ["pdfimages", "-tiff", "-j", "-f", "\(frame + 1)", "-l", "\(frame + 1)", file, target],
            folder: FilePath.parent(file), timeout: timeout, grace: 200, sharesGroup: true)
        let made = [target + "-000.tif", target + "-000.jpg"]
        defer { for file in made { Folder.remove(file) } }
        _ = try? PageSource.run(program)
        guard let own = made.first(where: Folder.exists),
            let picture = try? images.read(own, frame: 0),
            [picture.width, picture.height] == (json["pixels"]?.array ?? []).compactMap({ $0.integer.map { Int($0) } })
        else { return nil }
        return picture
    }

    /// A page as a picture, in a file beside it.
    private func drawing(dpi: Int) throws(DocumentError) -> String {
        let target = TemporaryName.beside(file)
        let program = CommandLineProgram(
            arguments: [
                "pdftoppm", "-r", "\(dpi)", "-f", "\(frame + 1)", "-l", "\(frame + 1)", "-singlefile", "-cropbox",
                "-gray", file, target,
            ], folder: FilePath.parent(file), timeout: timeout, grace: 200, sharesGroup: true)
        let outcome = try PageSource.run(program)
        guard Folder.exists(target + ".pgm") else {
            throw DocumentError(.damaged, "page \(frame + 1) cannot be drawn\(outcome.map { ": " + $0 } ?? "")")
        }
        return target + ".pgm"
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
