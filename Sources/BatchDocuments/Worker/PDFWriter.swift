internal import BatchCore
internal import BatchSystem
internal import CDeflate

/// Writes a PDF page by page; one page is in memory at a time.
final class PDFWriter {
    private let file: File
    private var offset = 0
    private var offsets: [Int] = [0]
    private var pages: [Int] = []
    private let title: String
    private let tree: Int
    private let font: Int

    init(_ path: String, title: String) throws(BatchError) {
        file = try File(creating: path)
        self.title = title
        (tree, font) = (1, 2)
        offsets += [0, 0]
        try write("%PDF-1.7\n%\u{E2}\u{E3}\n")
    }

    /// A page with a picture.
    /// - Parameters:
    ///   - rotate: degrees clockwise by which a reader turns it; the words are as they stand then.
    ///   - isMirrored: left is right on it, before it is turned.
    ///   - resolution: of the picture before it is turned.
    func add(
        _ image: EmbeddedImage, rotate: Int, isMirrored: Bool, _ resolution: Resolution, _ words: TextLayer
    ) throws(BatchError) {
        let width = Double(image.width) * resolution.pointsAcross
        let height = Double(image.height) * resolution.pointsDown
        var mask = ""
        if let bytes = image.mask {
            let number = try object(
                "/Type /XObject /Subtype /Image /Width \(image.width) /Height \(image.height) /ColorSpace /DeviceGray "
                    + "/BitsPerComponent 8 /Filter /FlateDecode", stream: bytes)
            mask = "/SMask \(number) 0 R "
        }
        let picture = try object(
            "/Type /XObject /Subtype /Image /Width \(image.width) /Height \(image.height) \(image.entries)\(mask)",
            stream: image.bytes)
        let (w, h) = (PDFWriter.number(width), PDFWriter.number(height))
        let turn =
            switch rotate {
            case 90: "0 1 -1 0 \(w) 0 cm "
            case 180: "-1 0 0 -1 \(w) \(h) cm "
            case 270: "0 -1 1 0 0 \(h) cm "
            default: ""
            }
        let place = isMirrored ? "-\(w) 0 0 \(h) \(w) 0" : "\(w) 0 0 \(h) 0 0"
        let seen = resolution.turned(rotate)
        let text = words.operators(across: seen.pointsAcross, down: seen.pointsDown)
        let content = "q \(place) cm /I Do Q\nq \(turn)\n\(text)Q\n"
        try addPage(width: width, height: height, rotate: rotate, content, "/XObject << /I \(picture) 0 R >> ")
    }

    /// An empty page.
    func addEmpty(width: Double, height: Double) throws(BatchError) {
        try addPage(width: max(width, 3), height: max(height, 3), rotate: 0, "", "")
    }

    private func addPage(
        width: Double, height: Double, rotate: Int, _ content: String, _ resources: String
    ) throws(BatchError) {
        let stream = try object("/Filter /FlateDecode", stream: PDFWriter.deflated(Array(content.utf8)))
        let turned = rotate == 0 ? "" : "/Rotate \(rotate) "
        pages.append(
            try object(
                "/Type /Page /Parent \(tree) 0 R /MediaBox [0 0 \(PDFWriter.number(width)) \(PDFWriter.number(height))] "
                    + "\(turned)/Contents \(stream) 0 R /Resources << /Font << /F \(font) 0 R >> \(resources)>>"))
    }

    func finish() throws(BatchError) {
        let map = try object(
            "/Filter /FlateDecode", stream: PDFWriter.deflated(Array(PDFWriter.characterMap.utf8)))
        let program = try object(
            "/Filter /FlateDecode /Length1 \(InvisibleFont.program.count)",
            stream: PDFWriter.deflated(InvisibleFont.program))
        let codes = try object("/Filter /FlateDecode", stream: PDFWriter.deflated(InvisibleFont.glyphOfCodes))
        let descriptor = try object("\(PDFWriter.descriptor) /FontFile2 \(program) 0 R")
        let glyphs = try object("\(PDFWriter.glyphs) /CIDToGIDMap \(codes) 0 R /FontDescriptor \(descriptor) 0 R")
        try begin(font)
        try write("<< \(PDFWriter.font) /DescendantFonts [\(glyphs) 0 R] /ToUnicode \(map) 0 R >>\nendobj\n")
        try begin(tree)
        let kids = pages.map { "\($0) 0 R" }.joined(separator: " ")
        try write("<< /Type /Pages /Count \(pages.count) /Kids [\(kids)] >>\nendobj\n")
        let catalog = try object("/Type /Catalog /Pages \(tree) 0 R")
        let information = try object("/Title \(PDFWriter.text(title)) /Producer (batchmgr)")
        let start = offset
        try write("xref\n0 \(offsets.count)\n0000000000 65535 f \n")
        for place in offsets.dropFirst() {
            let digits = String(place)
            try write(String(repeating: "0", count: max(0, 10 - digits.count)) + digits + " 00000 n \n")
        }
        try write(
            "trailer\n<< /Size \(offsets.count) /Root \(catalog) 0 R /Info \(information) 0 R >>\nstartxref\n\(start)\n%%EOF\n"
        )
        try file.sync()
    }

    // MARK: Objects

    private func object(_ entries: String, stream: [UInt8]? = nil) throws(BatchError) -> Int {
        let number = offsets.count
        offsets.append(0)
        try begin(number)
        guard let stream else {
            try write("<< \(entries) >>\nendobj\n")
            return number
        }
        try write("<< \(entries) /Length \(stream.count) >>\nstream\n")
        try write(stream)
        try write("\nendstream\nendobj\n")
        return number
    }

    private func begin(_ number: Int) throws(BatchError) {
        offsets[number] = offset
        try write("\(number) 0 obj\n")
    }

    private func write(_ text: String) throws(BatchError) { try write(Array(text.utf8)) }

    private func write(_ bytes: [UInt8]) throws(BatchError) {
        try file.write(bytes)
        offset += bytes.count
    }

    /// A text for people. What is plain is written so: programs that make PDF/A of it drop the other kind.
    private static func text(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard !bytes.allSatisfy({ $0 >= 32 && $0 < 127 }) else { return "<\(Hex.string(bytes))>" }
        return "<\(Hex.string([0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }))>"
    }

    /// - Parameter digits: after the point, at most.
    static func number(_ value: Double, digits: Int = 3) -> String {
        guard value.isFinite else { return "0" }
        let unit = [1, 10, 100, 1_000][min(max(digits, 0), 3)]
        let scaled = Int64((min(max(value, -1e9), 1e9) * Double(unit)).rounded())
        let (whole, part) = (abs(scaled) / Int64(unit), abs(scaled) % Int64(unit))
        let sign = scaled < 0 ? "-" : ""
        if part == 0 { return "\(sign)\(whole)" }
        let text = String(part)
        return "\(sign)\(whole)." + String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        guard let compressor = libdeflate_alloc_compressor(9) else { return bytes }
        defer { libdeflate_free_compressor(compressor) }
        let most = libdeflate_zlib_compress_bound(compressor, bytes.count)
        return [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            count = libdeflate_zlib_compress(compressor, bytes, bytes.count, buffer.baseAddress, most)
        }
    }

    static let font = "/Type /Font /Subtype /Type0 /BaseFont /Invisible /Encoding /Identity-H"
    static let glyphs = """
        /Type /Font /Subtype /CIDFontType2 /BaseFont /Invisible /DW 500 \
        /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>
        """
    static let descriptor = """
        /Type /FontDescriptor /FontName /Invisible /Flags 5 /FontBBox [0 0 500 1000] /ItalicAngle 0 /Ascent 1000 \
        /Descent 0 /CapHeight 1000 /StemV 80
        """

    /// A code is a unit of UTF-16.
    static let characterMap = """
        /CIDInit /ProcSet findresource begin 12 dict begin begincmap
        /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
        /CMapName /Adobe-Identity-UCS def /CMapType 2 def
        1 begincodespacerange <0000> <FFFF> endcodespacerange
        1 beginbfrange <0000> <FFFF> <0000> endbfrange
        endcmap CMapName currentdict /CMap defineresource pop end end
        """
}
