internal import BatchCore
internal import BatchSystem
internal import CLeptonica

/// Takes a document apart into pages. What is left in its folder are files that a page can be read from.
struct Preparation {
    private let input: String
    /// For what is unpacked.
    private let folder: String
    private let limits: IntakeLimits
    private let kind: InputKind?
    private let images: ImageLibrary
    private let dpi: Int
    private let existing: DocumentProfile.Existing
    private let allowsGaps: Bool

    init(_ request: JSONValue, _ images: ImageLibrary) {
        input = request["input"]?.string ?? ""
        folder = request["folder"]?.string ?? ""
        limits = IntakeLimits(request["limits"] ?? .null)
        kind = request["kind"]?.string.flatMap(InputKind.init)
        dpi = Int(request["dpi"]?.integer ?? 300)
        existing = request["existing"]?.string.flatMap(DocumentProfile.Existing.init) ?? .keep
        allowsGaps = request["partial"]?.string == "placeholder"
        self.images = images
    }

    func perform() throws(DocumentError) -> JSONValue {
        let pages: [JSONValue]
        var info = ComicInfo()
        switch kind {
        case .pdf: pages = try pdfPages()
        case .archive:
            let (entries, comic) = try unpacked()
            pages = try archivePages(entries)
            info = comic
        default: pages = try imagePages(input)
        }
        guard !pages.isEmpty else { throw DocumentError(.noPages) }
        guard pages.count <= limits.pages else { throw DocumentError(.tooManyPages, "\(pages.count)") }
        return ["pages": .array(pages), "metadata": .object(info.entries.map { .init($0.name, .string($0.value)) })]
    }

    // MARK: Archives

    /// With libarchive; what it cannot read, with unar where that is installed.
    private func unpacked() throws(DocumentError) -> ([ArchiveReader.Entry], ComicInfo) {
        var reader = try ArchiveReader(input, limits)
        do throws(DocumentError) {
            let entries = try reader.unpack(into: folder)
            return (entries, ComicInfo(reader.comicInfo))
        } catch {
            guard error.fault == .damaged else { throw error }
            if let entries = try UnarReader(input, limits).flatMap(unpacked) {
                return (entries, ComicInfo(reader.comicInfo))
            }
            // It can do no better, or is not installed.
            guard allowsGaps else { throw error }
            clear()
            let entries = try reader.unpack(into: folder, goesOn: true)
            return (entries, ComicInfo(reader.comicInfo))
        }
    }

    /// Nil when it cannot be had with that either.
    private func unpacked(_ reader: UnarReader) throws(DocumentError) -> [ArchiveReader.Entry]? {
        clear()
        do throws(DocumentError) {
            let entries = try reader.unpack(into: folder)
            return allowsGaps || entries.allSatisfy(\.isWhole) ? entries : nil
        } catch {
            if error.fault != .damaged { throw error }
            return nil
        }
    }

    /// Removes what was unpacked so far.
    private func clear() {
        for name in (try? Folder.names(in: folder)) ?? [] { Folder.remove("\(folder)/\(name)") }
    }

    private func archivePages(_ entries: [ArchiveReader.Entry]) throws(DocumentError) -> [JSONValue] {
        var found: [JSONValue] = []
        var (gaps, first) = (0, DocumentError?.none)
        for entry in entries {
            do throws(DocumentError) {
                if let fault = entry.fault { throw fault }
                found += try imagePages("\(folder)/\(entry.file)")
            } catch {
                let place = "page \(found.count + 1)"
                let told = DocumentError(error.fault, error.detail.isEmpty ? place : "\(place): \(error.detail)")
                guard allowsGaps, error.fault.mayBeAGap else { throw told }
                first = first ?? told
                gaps += 1
                found.append([
                    "file": "", "frame": 0, "mode": .string(PageSource.Mode.gap.rawValue), "rotate": 0, "dpi": 100,
                    "width": 850, "height": 1_100, "fault": .string(error.words),
                ])
            }
        }
        // A document of nothing but placeholders says nothing.
        if let first, gaps == found.count { throw first }
        return found
    }

    /// The frames of an image file.
    private func imagePages(_ file: String) throws(DocumentError) -> [JSONValue] {
        let header = try images.header(file)
        let count = images.frames(file, header)
        guard count <= limits.pages else { throw DocumentError(.tooManyPages, "\(count)") }
        // Leptonica turns a TIFF itself, and no other.
        let camera = header.isTIFF ? nil : CameraRotation(ImageOrientation.of(file))
        var pages: [JSONValue] = []
        for frame in 0..<count {
            let own = frame == 0 ? header : try images.header(file, frame: frame)
            guard own.width * own.height <= limits.pixels, own.width <= 32_767, own.height <= 32_767 else {
                throw DocumentError(.tooManyPixels, "\(own.width) × \(own.height)")
            }
            // A page that cannot be decoded is told now, not when others are read already.
            let picture = try images.read(file, frame: frame)
            guard picture.width * picture.height <= limits.pixels else { throw DocumentError(.tooManyPixels) }
            let resolution = picture.resolution.plausible(width: picture.width, height: picture.height)
            pages.append([
                "file": .string(file), "frame": JSONValue(frame), "mode": .string(PageSource.Mode.image.rawValue),
                "rotate": JSONValue(camera?.degrees ?? 0), "mirrored": .bool(camera?.isMirrored ?? false),
                "dpi": JSONValue(resolution.across), "dpiDown": JSONValue(resolution.down),
                "width": JSONValue(picture.width), "height": JSONValue(picture.height),
            ])
        }
        return pages
    }

    private func pdfPages() throws(DocumentError) -> [JSONValue] {
        let pages = try PDFLibrary.load().survey(input, limit: limits.pages)
        let letters = try PageText.letters(of: input)
        let isSigned = try PDFLibrary.load().isSigned(input)
        return pages.enumerated().map { (number, page) in
            let source =
                page.hasText(number < letters.count ? letters[number] : 0, existing)
                ? kept(number, page) : read(number, page)
            return isSigned ? .object((source.members ?? []) + [.init("signed", true)]) : source
        }
    }

    private func source(_ number: Int, _ page: PDFPage, _ mode: PageSource.Mode, dpi: Int) -> [JSONValue.Member] {
        [
            .init("file", .string(input)), .init("frame", JSONValue(number)), .init("mode", .string(mode.rawValue)),
            .init("dpi", JSONValue(dpi)), .init("width", 0), .init("height", 0),
            .init("points", [.number(page.size.width), .number(page.size.height)]),
        ]
    }

    /// A page with text: what its pictures say is added, and with `add` what else can be read.
    private func kept(_ number: Int, _ page: PDFPage) -> JSONValue {
        let regions = existing == .add ? [[0, 0, 1, 1]] : page.pictures
        return .object(
            source(number, page, .text, dpi: page.drawable(dpi)) + [
                .init("rotate", 0), .init("everywhere", .bool(existing == .add)),
                .init("regions", .array(regions.prefix(20).map { .array($0.map(JSONValue.number)) })),
            ])
    }

    /// A page that is read whole: its picture where it is nothing else, otherwise a drawing of it.
    private func read(_ number: Int, _ page: PDFPage) -> JSONValue {
        let picture = page.resolutionOfPicture
        return .object(
            source(number, page, picture == nil ? .drawn : .picture, dpi: picture ?? page.drawable(dpi)) + [
                .init("rotate", JSONValue(picture == nil ? 0 : page.rotate)),
                .init("drawnDpi", JSONValue(page.drawable(dpi))), .init("redo", .bool(existing == .redo)),
                .init(
                    "pixels",
                    picture == nil
                        ? []
                        : [
                            JSONValue(page.images.first?.width ?? 0), JSONValue(page.images.first?.height ?? 0),
                        ]),
            ])
    }
}

extension DocumentFault {
    /// Whether an empty page may stand for a page with this fault: it is the page that is bad, not the machine.
    fileprivate var mayBeAGap: Bool { [.damaged, .unknownType, .tooManyPixels].contains(self) }
}

/// What `ComicInfo.xml` says of a comic: texts of elements, nothing else of XML.
struct ComicInfo {
    private(set) var entries: [(name: String, value: String)] = []

    private static let names = [
        "Title", "Series", "Number", "Volume", "Summary", "Year", "Month", "Day", "Writer", "Penciller", "Inker",
        "Colorist", "Letterer", "CoverArtist", "Translator", "Publisher", "Imprint", "Genre", "LanguageISO", "Manga",
    ]
    private static let longest = 10_000

    init() {}

    init(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        for name in ComicInfo.names {
            guard let open = text.firstRange(of: "<\(name)>"),
                let close = text[open.upperBound...].firstRange(of: "</\(name)>")
            else { continue }
            let value = PageText.unescaped(String(text[open.upperBound..<close.lowerBound].prefix(ComicInfo.longest)))
            let plain = value.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            if !plain.isEmpty { entries.append((name, plain)) }
        }
    }
}

extension PDFPage {
    /// Whether its text stays. Hidden text alone goes when it is to be read again.
    func hasText(_ letters: Int, _ existing: DocumentProfile.Existing) -> Bool {
        letters >= PageText.enough && (existing != .redo || hasVisibleText)
    }

    /// A resolution at which a drawing of it has not too many pixels.
    func drawable(_ dpi: Int) -> Int {
        let inches = size.width * size.height / 72 / 72
        guard inches > 0 else { return dpi }
        return max(10, min(dpi, Int((40_000_000 / inches).squareRoot())))
    }
}

/// How much one document may ask for.
public struct IntakeLimits: Hashable, Sendable {
    public var pages = 5_000
    public var pixels = 200_000_000
    public var entries = 20_000
    /// Bytes that an archive may unpack to.
    public var unpacked: Int64 = 4 << 30
    /// Times the size of the archive, beyond 64 MiB.
    public var ratio: Int64 = 200

    public init() {}

    init(_ json: JSONValue) {
        if let value = json["pages"]?.integer { pages = Int(value) }
        if let value = json["pixels"]?.integer { pixels = Int(value) }
        if let value = json["entries"]?.integer { entries = Int(value) }
        if let value = json["unpacked"]?.integer { unpacked = value }
        if let value = json["ratio"]?.integer { ratio = value }
    }

    var json: JSONValue {
        [
            "pages": JSONValue(pages), "pixels": JSONValue(pixels), "entries": JSONValue(entries),
            "unpacked": .integer(unpacked), "ratio": .integer(ratio),
        ]
    }
}

/// The text that a page of a PDF has already, with its boxes, as pdftotext finds it.
struct PageText {
    /// Visible characters from which on a page has text.
    static let enough = 20

    private let source: PageSource

    init(_ source: PageSource) { self.source = source }

    /// - Parameter read: what the engine finds on the page besides, in pixels.
    func json(adding read: RecognisedPage = RecognisedPage()) throws(DocumentError) -> JSONValue {
        let (result, width, height) = try page()
        var sum = result
        var added = 0
        for (word, separator) in zip(read.words, read.separators) where !result.covers(word) {
            sum.append(word, added == 0 ? .paragraph : separator)
            added += 1
        }
        return sum.json(width: width, height: height, had: result.words.count)
    }

    /// The words that are there, and the size of the page in pixels of a drawing.
    func page() throws(DocumentError) -> (words: RecognisedPage, width: Int, height: Int) {
        let number = source.frame + 1
        let pages = try PageText.read(source.file, arguments: ["-f", "\(number)", "-l", "\(number)"])
        guard let page = pages.first else { throw DocumentError(.damaged, "the text of page \(number) cannot be read") }
        // In pixels of a drawing at this resolution, as the words of other pages.
        let scale = Double(source.dpi) / 72
        var result = RecognisedPage()
        var last: Line?
        for word in page.words {
            let isSameLine = last.map {
                abs($0.bottom - word.bottom) < ($0.bottom - $0.top) / 2 && word.left >= $0.left
            }
            result.append(
                RecognisedPage.Word(
                    text: word.text, left: Int(word.left * scale), top: Int(word.top * scale),
                    width: Int((word.right - word.left) * scale), height: Int((word.bottom - word.top) * scale),
                    confidence: 1), isSameLine == true ? .blank : .line)
            last = Line(left: word.left, top: word.top, bottom: word.bottom)
        }
        return (result, Int(page.width * scale), Int(page.height * scale))
    }

    private struct Line {
        let left: Double
        let top: Double
        let bottom: Double
    }

    /// Visible characters of each page. Text that nobody can read is none.
    static func letters(of file: String) throws(DocumentError) -> [Int] {
        try read(file, arguments: []).map { page in
            let scalars = page.words.flatMap { $0.text.unicodeScalars }.filter { !$0.properties.isWhitespace }
            let good = scalars.count { !isGarbled($0) }
            return good * 2 > scalars.count ? good : 0
        }
    }

    /// What a font with a wrong table of characters says: nothing, a code of its own, or both bytes of a letter the wrong way
    /// round, which makes "M" the character U+4D00.
    private static func isGarbled(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xFFFD, 0xE000...0xF8FF, 0..<32: true
        case 0x2000...0x7E00: scalar.value & 0xFF == 0
        default: false
        }
    }

    struct Page {
        var width = 0.0
        var height = 0.0
        var words: [(text: String, left: Double, top: Double, right: Double, bottom: Double)] = []
    }

    private static func read(_ file: String, arguments: [String]) throws(DocumentError) -> [Page] {
        let target = TemporaryName.beside(file)
        defer { Folder.remove(target) }
        let program = CommandLineProgram(
            arguments: ["pdftotext", "-bbox", "-cropbox"] + arguments + [file, target], folder: FilePath.parent(file),
            timeout: 60_000, grace: 200, sharesGroup: true)
        _ = try PageSource.run(program)
        guard let bytes = try? DurableFile.read(target, atMost: 512 << 20) else { return [] }
        var pages: [Page] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let text = line.drop { $0 == " " }
            if text.hasPrefix("<page ") {
                pages.append(Page(width: number("width", text), height: number("height", text)))
            } else if text.hasPrefix("<word "), let start = text.firstIndex(of: ">"), !pages.isEmpty {
                let word = String(text[text.index(after: start)...].replacing("</word>", with: ""))
                pages[pages.count - 1].words.append(
                    (
                        unescaped(word), number("xMin", text), number("yMin", text), number("xMax", text),
                        number("yMax", text)
                    ))
            }
        }
        return pages
    }

    private static func number(_ name: String, _ text: Substring) -> Double {
        guard let range = text.firstRange(of: name + "=\"") else { return 0 }
        return Double(text[range.upperBound...].prefix { $0 != "\"" }) ?? 0
    }

    static func unescaped(_ text: String) -> String {
        text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
            .replacing("&apos;", with: "'").replacing("&#39;", with: "'").replacing("&amp;", with: "&")
    }
}
