internal import BatchCore
internal import BatchSystem
internal import CQPDF
internal import Glibc

/// libqpdf: tells what pages are made of, lays text on them, checks.
final class PDFLibrary {
    private let functions: cqpdf

    private init(_ functions: cqpdf) { self.functions = functions }

    static func load() throws(DocumentError) -> PDFLibrary {
        var functions = cqpdf()
        if let missing = cqpdf_load(&functions) {
            throw DocumentError(.engine, "\(String(cString: missing)) is missing")
        }
        return PDFLibrary(functions)
    }

    var version: String { functions.qpdf_get_qpdf_version().map { String(cString: $0) } ?? "" }

    /// Whether it begins as a PDF does. Readers put up with other bytes before that.
    static func begins(_ file: String) -> Bool { (try? File(reading: file).read(5)) == Array("%PDF-".utf8) }

    /// The number of pages.
    func pages(of file: String) throws(DocumentError) -> Int {
        try reading(file) { (pdf) throws(DocumentError) in try count(pdf) }
    }

    private func count(_ pdf: qpdf_data) throws(DocumentError) -> Int {
        let count = functions.qpdf_get_num_pages(pdf)
        guard count >= 0 else { throw fault(pdf) }
        return Int(count)
    }

    /// Reads all of it, as strictly as qpdf does: every stream is decoded.
    func check(_ file: String) throws(DocumentError) {
        try reading(file) { (pdf) throws(DocumentError) in
            // `qpdf_check_pdf` does the same, but compresses each decoded image on its way to nowhere: 3 % of all work.
            guard functions.qpdf_init_write(pdf, "/dev/null") & 2 == 0 else { throw fault(pdf) }
            functions.qpdf_set_preserve_encryption(pdf, 0)
            functions.qpdf_set_decode_level(pdf, qpdf_dl_all)
            functions.qpdf_set_compress_streams(pdf, 0)
            guard functions.qpdf_write(pdf) & 2 == 0 else { throw DocumentError(.pdfInvalid, fault(pdf).detail) }
        }
    }

    private func reading<Value>(
        _ file: String, _ body: (qpdf_data) throws(DocumentError) -> Value
    ) throws(DocumentError) -> Value {
        var pdf = functions.qpdf_init()
        defer { functions.qpdf_cleanup(&pdf) }
        guard let pdf else { throw DocumentError(.memory) }
        functions.qpdf_silence_errors(pdf)
        functions.qpdf_set_suppress_warnings(pdf, 1)
        guard functions.qpdf_read(pdf, file, nil) & 2 == 0 else { throw fault(pdf) }
        return try body(pdf)
    }

    private func fault(_ pdf: qpdf_data) -> DocumentError {
        guard functions.qpdf_has_error(pdf) != 0, let error = functions.qpdf_get_error(pdf) else {
            return DocumentError(.damaged)
        }
        if functions.qpdf_get_error_code(pdf, error) == qpdf_e_password { return DocumentError(.encrypted) }
        let words = functions.qpdf_get_error_full_text(pdf, error).map { String(cString: $0) } ?? ""
        // It begins with the path of the file.
        return DocumentError(.damaged, PlainText.oneLine(String(words.drop { $0 != " " }.dropFirst())))
    }

    // MARK: Pages

    /// - Parameter limit: pages at most.
    func survey(_ file: String, limit: Int) throws(DocumentError) -> [PDFPage] {
        try reading(file) { (pdf) throws(DocumentError) in
            let count = try count(pdf)
            guard count <= limit else { throw DocumentError(.tooManyPages, "\(count)") }
            _ = functions.qpdf_push_inherited_attributes_to_page(pdf)
            return (0..<count).map { number in
                defer { functions.qpdf_oh_release_all(pdf) }
                return page(pdf, functions.qpdf_get_page_n(pdf, number))
            }
        }
    }

    /// Whether somebody has signed it: what changes it makes the signature worthless.
    func isSigned(_ file: String) throws(DocumentError) -> Bool {
        try reading(file) { (pdf) throws(DocumentError) in
            let form = key(pdf, functions.qpdf_get_root(pdf), "/AcroForm")
            return Int(number(pdf, form, "/SigFlags") ?? 0) & 1 != 0
        }
    }

    private func page(_ pdf: qpdf_data, _ page: qpdf_oh) -> PDFPage {
        let content = self.content(pdf, page).map { PDFContent($0) }
        let objects = key(pdf, key(pdf, page, "/Resources"), "/XObject")
        var images: [(width: Int, height: Int, isPlain: Bool, matrix: PDFContent.Matrix)] = []
        var hasForms = false
        for (name, matrix) in content?.drawn ?? [] {
            guard let object = key(pdf, objects, "/" + name), functions.qpdf_oh_is_stream(pdf, object) != 0 else {
                continue
            }
            let entries = functions.qpdf_oh_get_dict(pdf, object)
            guard self.name(pdf, entries, "/Subtype") == "/Image" else {
                hasForms = true
                continue
            }
            let pixels = (Int(number(pdf, entries, "/Width") ?? 0), Int(number(pdf, entries, "/Height") ?? 0))
            images.append((pixels.0, pixels.1, isPlain(pdf, entries), matrix))
        }
        return PDFPage(
            box: box(pdf, page), rotate: ((Int(number(pdf, page, "/Rotate") ?? 0) % 360) + 360) % 360 / 90 * 90,
            images: images, hasOther: content == nil || hasForms || content?.hasGraphics == true,
            hasVisibleText: content == nil || hasForms || content?.hasVisibleText == true,
            hasHiddenText: content?.hasHiddenText == true)
    }

    /// Without masks and without colours that readers see differently.
    private func isPlain(_ pdf: qpdf_data, _ image: qpdf_oh) -> Bool {
        for key in ["/SMask", "/Mask", "/ImageMask", "/Decode"] where functions.qpdf_oh_has_key(pdf, image, key) != 0 {
            return false
        }
        if let colours = name(pdf, image, "/ColorSpace") { return ["/DeviceGray", "/DeviceRGB"].contains(colours) }
        guard let space = key(pdf, image, "/ColorSpace"), functions.qpdf_oh_is_array(pdf, space) != 0,
            functions.qpdf_oh_get_array_n_items(pdf, space) > 1
        else { return false }
        let first = functions.qpdf_oh_get_array_item(pdf, space, 0)
        let kind = functions.qpdf_oh_get_name(pdf, first).map { String(cString: $0) } ?? ""
        if ["/CalGray", "/CalRGB", "/Indexed"].contains(kind) { return true }
        let profile = functions.qpdf_oh_get_array_item(pdf, space, 1)
        guard kind == "/ICCBased", functions.qpdf_oh_is_stream(pdf, profile) != 0 else { return false }
        let colours = number(pdf, functions.qpdf_oh_get_dict(pdf, profile), "/N")
        return colours == 1 || colours == 3
    }

    /// What a reader shows.
    private func box(
        _ pdf: qpdf_data, _ page: qpdf_oh
    ) -> (left: Double, bottom: Double, right: Double, top: Double) {
        let media = corners(pdf, page, "/MediaBox") ?? (0, 0, 612, 792)
        guard let crop = corners(pdf, page, "/CropBox") else { return media }
        let box = (
            left: max(crop.left, media.left), bottom: max(crop.bottom, media.bottom),
            right: min(crop.right, media.right),
            top: min(crop.top, media.top)
        )
        return box.right > box.left && box.top > box.bottom ? box : media
    }

    private func corners(
        _ pdf: qpdf_data, _ page: qpdf_oh, _ name: String
    ) -> (left: Double, bottom: Double, right: Double, top: Double)? {
        guard let array = key(pdf, page, name), functions.qpdf_oh_is_array(pdf, array) != 0,
            functions.qpdf_oh_get_array_n_items(pdf, array) == 4
        else { return nil }
        let n = (0..<4).map {
            functions.qpdf_oh_get_numeric_value(pdf, functions.qpdf_oh_get_array_item(pdf, array, $0))
        }
        let box = (left: min(n[0], n[2]), bottom: min(n[1], n[3]), right: max(n[0], n[2]), top: max(n[1], n[3]))
        return box.right - box.left > 0.1 && box.top - box.bottom > 0.1 ? box : nil
    }

    /// Nil when it cannot be had, or is too large to be looked at.
    private func content(_ pdf: qpdf_data, _ page: qpdf_oh) -> [UInt8]? {
        var (bytes, count): (UnsafeMutablePointer<UInt8>?, Int) = (nil, 0)
        let code = functions.qpdf_oh_get_page_content_data(pdf, page, &bytes, &count)
        defer { free(bytes) }
        guard code & 2 == 0, let bytes, count < 4 << 20 else { return nil }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    // MARK: Objects

    private func key(_ pdf: qpdf_data, _ dictionary: qpdf_oh?, _ name: String) -> qpdf_oh? {
        guard let dictionary, functions.qpdf_oh_is_dictionary(pdf, dictionary) != 0,
            functions.qpdf_oh_has_key(pdf, dictionary, name) != 0
        else { return nil }
        return functions.qpdf_oh_get_key(pdf, dictionary, name)
    }

    private func name(_ pdf: qpdf_data, _ dictionary: qpdf_oh?, _ name: String) -> String? {
        guard let value = key(pdf, dictionary, name), functions.qpdf_oh_is_name(pdf, value) != 0 else { return nil }
        return functions.qpdf_oh_get_name(pdf, value).map { String(cString: $0) }
    }

    private func number(_ pdf: qpdf_data, _ dictionary: qpdf_oh?, _ name: String) -> Double? {
        guard let value = key(pdf, dictionary, name), functions.qpdf_oh_is_number(pdf, value) != 0 else { return nil }
        return functions.qpdf_oh_get_numeric_value(pdf, value)
    }

    private func stream(_ pdf: qpdf_data, _ bytes: [UInt8]) -> qpdf_oh {
        let stream = functions.qpdf_oh_new_stream(pdf)
        let none = functions.qpdf_oh_new_null(pdf)
        functions.qpdf_oh_replace_stream_data(pdf, stream, bytes, bytes.count, none, none)
        return stream
    }

    // MARK: Text

    /// What is laid on a page.
    struct Layer {
        /// From the lower left of the page as a reader sees it, in points.
        let operators: String
        /// The hidden text that the page has goes.
        let replacesHiddenText: Bool
    }

    /// Writes a PDF again with invisible text below what its pages show; all else is as it was, byte for byte.
    /// - Parameter layers: by page, from 0.
    func lay(_ layers: [Int: Layer], on input: String, to output: String) throws(DocumentError) {
        try reading(input) { (pdf) throws(DocumentError) in
            let count = try count(pdf)
            _ = functions.qpdf_push_inherited_attributes_to_page(pdf)
            let font = self.font(pdf)
            for (number, layer) in layers.sorted(by: { $0.key < $1.key }) where number < count {
                lay(layer, pdf, functions.qpdf_get_page_n(pdf, number), font)
            }
            Folder.remove(output)
            guard functions.qpdf_init_write(pdf, output) & 2 == 0 else { throw fault(pdf) }
            functions.qpdf_set_preserve_encryption(pdf, 0)
            functions.qpdf_set_decode_level(pdf, qpdf_dl_none)
            functions.qpdf_set_compress_streams(pdf, 1)
            functions.qpdf_set_object_stream_mode(pdf, qpdf_o_generate)
            guard functions.qpdf_write(pdf) & 2 == 0, Folder.exists(output) else {
                throw DocumentError(.pdfInvalid, "qpdf cannot write it")
            }
        }
    }

    private static let fontName = "/BatchmgrText"

    private func font(_ pdf: qpdf_data) -> qpdf_oh {
        func object(_ entries: String, _ key: String, _ value: qpdf_oh) -> qpdf_oh {
            let object = functions.qpdf_oh_parse(pdf, "<< \(entries) >>")
            functions.qpdf_oh_replace_key(pdf, object, key, value)
            return functions.qpdf_make_indirect_object(pdf, object)
        }
        let program = stream(pdf, InvisibleFont.program)
        functions.qpdf_oh_replace_key(
            pdf, functions.qpdf_oh_get_dict(pdf, program), "/Length1",
            functions.qpdf_oh_new_integer(pdf, Int64(InvisibleFont.program.count)))
        let descriptor = object(PDFWriter.descriptor, "/FontFile2", program)
        let glyph = object(PDFWriter.glyphs, "/FontDescriptor", descriptor)
        functions.qpdf_oh_replace_key(pdf, glyph, "/CIDToGIDMap", stream(pdf, InvisibleFont.glyphOfCodes))
        let glyphs = functions.qpdf_oh_new_array(pdf)
        functions.qpdf_oh_append_item(pdf, glyphs, glyph)
        let font = object(PDFWriter.font, "/DescendantFonts", glyphs)
        functions.qpdf_oh_replace_key(pdf, font, "/ToUnicode", stream(pdf, Array(PDFWriter.characterMap.utf8)))
        return font
    }

    private func lay(_ layer: Layer, _ pdf: qpdf_data, _ page: qpdf_oh, _ font: qpdf_oh) {
        let place = self.page(pdf, page)
        let text = layer.operators.replacing("/F ", with: PDFLibrary.fontName + " ")
        let contents = functions.qpdf_oh_new_array(pdf)
        functions.qpdf_oh_append_item(pdf, contents, stream(pdf, Array("q \(place.turn) cm\n\(text)Q\n".utf8)))
        if layer.replacesHiddenText, place.hasHiddenText, let old = content(pdf, page) {
            functions.qpdf_oh_append_item(pdf, contents, stream(pdf, PDFContent(old).visible))
        } else if let old = key(pdf, page, "/Contents") {
            if functions.qpdf_oh_is_array(pdf, old) != 0 {
                for number in 0..<functions.qpdf_oh_get_array_n_items(pdf, old) {
                    functions.qpdf_oh_append_item(pdf, contents, functions.qpdf_oh_get_array_item(pdf, old, number))
                }
            } else {
                functions.qpdf_oh_append_item(pdf, contents, old)
            }
        }
        functions.qpdf_oh_replace_key(pdf, page, "/Contents", contents)
        let resources = child(pdf, page, "/Resources")
        functions.qpdf_oh_replace_key(pdf, child(pdf, resources, "/Font"), PDFLibrary.fontName, font)
    }

    /// A dictionary in another one; made when it is not there.
    private func child(_ pdf: qpdf_data, _ parent: qpdf_oh, _ name: String) -> qpdf_oh {
        if let own = key(pdf, parent, name), functions.qpdf_oh_is_dictionary(pdf, own) != 0 { return own }
        functions.qpdf_oh_replace_key(pdf, parent, name, functions.qpdf_oh_new_dictionary(pdf))
        return functions.qpdf_oh_get_key(pdf, parent, name)
    }
}
