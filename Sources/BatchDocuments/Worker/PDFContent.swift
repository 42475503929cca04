/// What the operators of a page draw. Enough of the language to tell pictures and text apart, and nothing more.
struct PDFContent {
    /// `a b c d e f` of PDF: a point (x, y) becomes (ax + cy + e, bx + dy + f).
    typealias Matrix = (a: Double, b: Double, c: Double, d: Double, e: Double, f: Double)

    /// Names of what `Do` draws, and where the unit square is then.
    private(set) var drawn: [(name: String, matrix: Matrix)] = []
    /// Lines, fills, shadings, inline images.
    private(set) var hasGraphics = false
    private(set) var hasVisibleText = false
    private(set) var hasHiddenText = false
    /// The same without hidden text.
    private(set) var visible: [UInt8] = []

    private struct State {
        var matrix: Matrix = (1, 0, 0, 1, 0, 0)
        var isHidden = false
    }

    private static let painting: Set<String> = ["S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "sh"]
    private static let showing: Set<String> = ["Tj", "TJ", "'", "\""]

    init(_ bytes: [UInt8]) {
        var scanner = Scanner(bytes)
        var (state, stack): (State, [State]) = (State(), [])
        var (numbers, name): ([Double], String) = ([], "")
        var copied = 0
        while let token = scanner.next() {
            switch token {
            case .number(let value): numbers.append(value)
            case .name(let text): name = text
            case .other: break
            case .operation(let word):
                // Its bytes may be any.
                if word == "BI" {
                    hasGraphics = true
                    visible += bytes[copied...]
                    return
                }
                let isDropped = PDFContent.showing.contains(word) && state.isHidden
                if !isDropped { visible += bytes[copied..<scanner.place] }
                copied = scanner.place
                if isDropped { visible.append(10) }
                take(word, numbers, name, &state, &stack)
                (numbers, name) = ([], "")
            }
        }
        visible += bytes[copied...]
    }

    private mutating func take(
        _ word: String, _ numbers: [Double], _ name: String, _ state: inout State, _ stack: inout [State]
    ) {
        switch word {
        case "q": if stack.count < 1_000 { stack.append(state) }
        case "Q": state = stack.popLast() ?? state
        case "cm" where numbers.count >= 6:
            let m = Array(numbers.suffix(6))
            state.matrix = PDFContent.product((m[0], m[1], m[2], m[3], m[4], m[5]), state.matrix)
        case "Tr": state.isHidden = numbers.last == 3
        case "Do": drawn.append((name, state.matrix))
        case _ where PDFContent.painting.contains(word): hasGraphics = true
        case _ where PDFContent.showing.contains(word):
            if state.isHidden { hasHiddenText = true } else { hasVisibleText = true }
        default: break
        }
    }

    private static func product(_ m: Matrix, _ n: Matrix) -> Matrix {
        (
            m.a * n.a + m.b * n.c, m.a * n.b + m.b * n.d, m.c * n.a + m.d * n.c, m.c * n.b + m.d * n.d,
            m.e * n.a + m.f * n.c + n.e, m.e * n.b + m.f * n.d + n.f
        )
    }

    private enum Token {
        case number(Double)
        case name(String)
        case operation(String)
        case other
    }

    private struct Scanner {
        private let bytes: [UInt8]
        private(set) var place = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        private static let blanks: Set<UInt8> = [0, 9, 10, 12, 13, 32]
        private static let delimiters: Set<UInt8> = Set(Array("()<>[]{}/%".utf8))

        private func isRegular(_ byte: UInt8) -> Bool {
            !Scanner.blanks.contains(byte) && !Scanner.delimiters.contains(byte)
        }

        private mutating func skip(while condition: (UInt8) -> Bool) {
            while place < bytes.count, condition(bytes[place]) { place += 1 }
        }

        private mutating func word() -> String {
            let start = place
            skip(while: isRegular)
            return String(decoding: bytes[start..<place], as: UTF8.self)
        }

        mutating func next() -> Token? {
            skip { Scanner.blanks.contains($0) }
            guard place < bytes.count else { return nil }
            switch bytes[place] {
            case UInt8(ascii: "%"):
                skip { $0 != 10 && $0 != 13 }
                return .other
            case UInt8(ascii: "/"):
                place += 1
                return .name(word())
            case UInt8(ascii: "("):
                skipText()
                return .other
            case UInt8(ascii: "<") where place + 1 < bytes.count && bytes[place + 1] != UInt8(ascii: "<"):
                skip { $0 != UInt8(ascii: ">") }
                place = min(place + 1, bytes.count)
                return .other
            case let byte where Scanner.delimiters.contains(byte):
                place += 1
                return .other
            default:
                let text = word()
                return Double(text).map { .number($0) } ?? .operation(text)
            }
        }

        /// A text in brackets, which may hold brackets.
        private mutating func skipText() {
            var depth = 0
            while place < bytes.count {
                switch bytes[place] {
                case UInt8(ascii: "\\"): place += 1
                case UInt8(ascii: "("): depth += 1
                case UInt8(ascii: ")"): depth -= 1
                default: break
                }
                place += 1
                if depth == 0 { return }
            }
            place = bytes.count
        }
    }
}

/// What a page of a PDF is made of.
struct PDFPage {
    /// What a reader sees of it, in its own units: left, bottom, right, top.
    let box: (left: Double, bottom: Double, right: Double, top: Double)
    /// Degrees clockwise by which a reader turns it.
    let rotate: Int
    /// Pixels of each image that is drawn, and where.
    let images: [(width: Int, height: Int, isPlain: Bool, matrix: PDFContent.Matrix)]
    /// Lines, fills, forms, text, or what cannot be told.
    let hasOther: Bool
    let hasVisibleText: Bool
    let hasHiddenText: Bool

    /// As a reader sees it, in points.
    var size: (width: Double, height: Double) {
        let (width, height) = (box.right - box.left, box.top - box.bottom)
        return rotate % 180 == 0 ? (width, height) : (height, width)
    }

    /// Resolution of the only picture, when it fills the page, upright; nil when the page has to be drawn.
    var resolutionOfPicture: Int? {
        guard !hasOther, !hasVisibleText, images.count == 1, let image = images.first, image.isPlain else { return nil }
        let (m, width, height) = (image.matrix, box.right - box.left, box.top - box.bottom)
        let isUpright = m.a > 0 && m.d > 0 && abs(m.b) < 0.01 && abs(m.c) < 0.01
        let isFull =
            abs(m.e - box.left) < width / 200 && abs(m.f - box.bottom) < height / 200
            && abs(m.a - width) < width / 200 && abs(m.d - height) < height / 200
        guard isUpright, isFull else { return nil }
        let (across, down) = (Double(image.width) / m.a * 72, Double(image.height) / m.d * 72)
        // Small ones are read better when they are drawn larger; others would take long.
        guard abs(across - down) < across / 50, (140...620).contains(across), image.width * image.height <= 40_000_000
        else {
            return nil
        }
        return Int(across.rounded())
    }

    /// Where pictures are that fill more than 2 % of the page: left, top, width, height as a reader sees them, 0 to 1.
    var pictures: [[Double]] {
        let (width, height) = (box.right - box.left, box.top - box.bottom)
        guard width > 0, height > 0 else { return [] }
        return images.compactMap { image in
            let m = image.matrix
            let xs = [m.e, m.e + m.a, m.e + m.c, m.e + m.a + m.c].map { ($0 - box.left) / width }
            let ys = [m.f, m.f + m.b, m.f + m.d, m.f + m.b + m.d].map { ($0 - box.bottom) / height }
            let (left, right) = (max(xs.min() ?? 0, 0), min(xs.max() ?? 0, 1))
            let (bottom, top) = (max(ys.min() ?? 0, 0), min(ys.max() ?? 0, 1))
            guard right > left, top > bottom, (right - left) * (top - bottom) > 0.02 else { return nil }
            switch rotate {
            case 90: return [bottom, left, top - bottom, right - left]
            case 180: return [1 - right, bottom, right - left, top - bottom]
            case 270: return [1 - top, 1 - right, top - bottom, right - left]
            default: return [left, 1 - top, right - left, top - bottom]
            }
        }
    }

    /// From points as a reader sees them, from the lower left, to units of the page.
    var turn: String {
        func text(_ values: Double...) -> String { values.map { PDFWriter.number($0) }.joined(separator: " ") }
        switch rotate {
        case 90: return text(0, 1, -1, 0, box.right, box.bottom)
        case 180: return text(-1, 0, 0, -1, box.right, box.top)
        case 270: return text(0, -1, 1, 0, box.left, box.top)
        default: return text(1, 0, 0, 1, box.left, box.bottom)
        }
    }
}
