internal import BatchCore
internal import BatchSystem
internal import CLeptonica
internal import CTesseract
internal import Glibc
internal import TesseractShortcuts

/// Tesseract, with a model in memory.
final class Engine {
    let languages: String
    private let functions: ctesseract
    private let handle: OpaquePointer

    /// - Parameter isShortened: the shortcuts of `shorten` are taken; it counts for all that are loaded after it.
    init(languages: String, isShortened: Bool = true) throws(DocumentError) {
        self.languages = languages
        functions = try Engine.load()
        if isShortened { Engine.shorten() }
        guard let handle = functions.TessBaseAPICreate() else { throw DocumentError(.engine, "no memory") }
        self.handle = handle
        guard functions.TessBaseAPIInit3(handle, nil, languages) == 0 else {
            functions.TessBaseAPIDelete(handle)
            throw DocumentError(.engine, "there is no model for '\(languages)'")
        }
        _ = functions.TessBaseAPISetVariable(handle, "debug_file", "/dev/null")
    }

    deinit { functions.TessBaseAPIDelete(handle) }

    private static func load() throws(DocumentError) -> ctesseract {
        var functions = ctesseract()
        if let missing = ctesseract_load(&functions) {
            throw DocumentError(.engine, "\(String(cString: missing)) is missing")
        }
        return functions
    }

    /// Has the library hand lines over without making PNGs of them, and count to one without threads: what it reads is the
    /// same, to the last digit.
    /// - Returns: how many of these two it does.
    @discardableResult
    static func shorten() -> Int {
        guard Environment.value("OMP_THREAD_LIMIT") == "1" else { return 0 }
        return Int(tesseract_shorten(Int32(IFF_PNG)))
    }

    static func version() throws(DocumentError) -> String { try load().TessVersion().map { String(cString: $0) } ?? "" }

    /// - Parameter regions: of the picture, left, top, width, height; none: all of it.
    func recognise(
        _ picture: Picture, dpi: Int, segmentation: Int32, regions: [[Int]]
    ) throws(DocumentError) -> RecognisedPage {
        functions.TessBaseAPISetPageSegMode(handle, TessPageSegMode(rawValue: UInt32(segmentation)))
        functions.TessBaseAPISetImage2(handle, picture.pix)
        functions.TessBaseAPISetSourceResolution(handle, Int32(dpi))
        defer { functions.TessBaseAPIClear(handle) }
        var page = RecognisedPage()
        for region in regions where region.count == 4 {
            functions.TessBaseAPISetRectangle(
                handle, Int32(region[0]), Int32(region[1]), Int32(region[2]), Int32(region[3]))
            guard functions.TessBaseAPIRecognize(handle, nil) == 0 else { throw DocumentError(.engine) }
            page.append(read())
        }
        guard regions.isEmpty else { return page }
        guard functions.TessBaseAPIRecognize(handle, nil) == 0 else { throw DocumentError(.engine) }
        return read()
    }

    /// Text, words, boxes and confidence in one pass.
    private func read() -> RecognisedPage {
        var page = RecognisedPage()
        guard let iterator = functions.TessBaseAPIGetIterator(handle) else { return page }
        defer { functions.TessResultIteratorDelete(iterator) }
        let place = functions.TessResultIteratorGetPageIterator(iterator)
        var directions = [0, 0, 0, 0]
        repeat {
            guard let text = functions.TessResultIteratorGetUTF8Text(iterator, RIL_WORD) else { continue }
            defer { functions.TessDeleteText(text) }
            let word = String(cString: text)
            guard !word.allSatisfy(\.isWhitespace) else { continue }
            var box: (left: Int32, top: Int32, right: Int32, bottom: Int32) = (0, 0, 0, 0)
            _ = functions.TessPageIteratorBoundingBox(place, RIL_WORD, &box.left, &box.top, &box.right, &box.bottom)
            let separator: RecognisedPage.Separator =
                functions.TessPageIteratorIsAtBeginningOf(place, RIL_PARA) != 0
                ? .paragraph : functions.TessPageIteratorIsAtBeginningOf(place, RIL_TEXTLINE) != 0 ? .line : .blank
            directions[direction(of: place)] += word.count
            page.append(
                RecognisedPage.Word(
                    text: word, left: Int(box.left), top: Int(box.top), width: Int(box.right - box.left),
                    height: Int(box.bottom - box.top),
                    confidence: Double(functions.TessResultIteratorConfidence(iterator, RIL_WORD)) / 100), separator)
        } while functions.TessResultIteratorNext(iterator, RIL_WORD) != 0
        let most = directions.max() ?? 0
        page.turn = 90 * (directions.firstIndex(of: most) ?? 0)
        return page
    }

    /// Quarters by which a word is turned clockwise.
    private func direction(of place: OpaquePointer?) -> Int {
        var (up, writing, order) = (ORIENTATION_PAGE_UP, WRITING_DIRECTION_LEFT_TO_RIGHT, TEXTLINE_ORDER_TOP_TO_BOTTOM)
        var askew: Float = 0
        functions.TessPageIteratorOrientation(place, &up, &writing, &order, &askew)
        return Int(up.rawValue) & 3
    }
}

/// What a page says.
struct RecognisedPage {
    struct Word {
        let text: String
        let left: Int
        let top: Int
        let width: Int
        let height: Int
        /// 0 to 1.
        let confidence: Double

        /// Text, box and confidence, as `json` writes them.
        init?(_ json: JSONValue) {
            guard let parts = json.array, parts.count >= 6, let text = parts[0].string, let sure = parts[5].real,
                case let box = parts[1...4].compactMap({ $0.integer }).compactMap({ Int(exactly: $0) }), box.count == 4
            else { return nil }
            self.init(text: text, left: box[0], top: box[1], width: box[2], height: box[3], confidence: sure)
        }

        init(text: String, left: Int, top: Int, width: Int, height: Int, confidence: Double) {
            self.text = text
            self.left = left
            self.top = top
            self.width = width
            self.height = height
            self.confidence = confidence
        }

        var json: JSONValue {
            .array([
                .string(text), JSONValue(left), JSONValue(top), JSONValue(width), JSONValue(height),
                .number((confidence * 1_000).rounded() / 1_000),
            ])
        }
    }

    enum Separator {
        case blank
        case line
        case paragraph
    }

    private(set) var words: [Word] = []
    private(set) var separators: [Separator] = []
    private(set) var text = ""
    /// Degrees by which most of it is turned clockwise: 0, 90, 180 or 270.
    var turn = 0

    mutating func append(_ word: Word, _ separator: Separator) {
        if !text.isEmpty { text += separator == .blank ? " " : separator == .line ? "\n" : "\n\n" }
        text += word.text
        words.append(word)
        separators.append(separator)
    }

    mutating func append(_ page: RecognisedPage) {
        for (word, separator) in zip(page.words, page.separators) { append(word, separator) }
    }

    /// Whether a word stands where one of these stands.
    func covers(_ word: Word) -> Bool {
        let (x, y) = (word.left + word.width / 2, word.top + word.height / 2)
        return words.contains { own in
            x >= own.left && x <= own.left + own.width && y >= own.top && y <= own.top + own.height
        }
    }

    /// Of long words more than of short ones.
    var confidence: Double? {
        let letters = words.reduce(0) { $0 + $1.text.count }
        guard letters > 0 else { return nil }
        return words.reduce(0) { $0 + $1.confidence * Double($1.text.count) } / Double(letters)
    }

    /// The same words on the page turned about its middle: each box holds what its turned corners hold.
    /// - Parameter degrees: clockwise.
    func turned(by degrees: Double, width: Int, height: Int) -> RecognisedPage {
        let (sine, cosine) = (sin(degrees * .pi / 180), cos(degrees * .pi / 180))
        let (middleX, middleY) = (Double(width) / 2, Double(height) / 2)
        var page = RecognisedPage()
        page.turn = turn
        for (word, separator) in zip(words, separators) {
            let corners = [(0, 0), (word.width, 0), (0, word.height), (word.width, word.height)].map { corner in
                let x = Double(word.left + corner.0) - middleX
                let y = Double(word.top + corner.1) - middleY
                return (middleX + x * cosine - y * sine, middleY + x * sine + y * cosine)
            }
            func within(_ value: Double, _ most: Int) -> Int { min(max(Int(value.rounded()), 0), most) }
            let left = within(corners.map(\.0).min() ?? 0, width)
            let top = within(corners.map(\.1).min() ?? 0, height)
            page.append(
                Word(
                    text: word.text, left: left, top: top,
                    width: within(corners.map(\.0).max() ?? 0, width) - left,
                    height: within(corners.map(\.1).max() ?? 0, height) - top, confidence: word.confidence), separator)
        }
        return page
    }

    /// - Parameters:
    ///   - had: so many of the words were on the page before.
    ///   - tilt: degrees by which the picture has to be straightened, for the words to fit it.
    func json(width: Int, height: Int, had: Int = 0, tilt: Double = 0) -> JSONValue {
        [
            "had": JSONValue(had), "tilt": .number(tilt), "turn": JSONValue(turn), "text": .string(text),
            "width": JSONValue(width),
            "height": JSONValue(height),
            "confidence": confidence.map { .number($0) } ?? .null,
            "words": .array(words.map(\.json)),
        ]
    }
}
