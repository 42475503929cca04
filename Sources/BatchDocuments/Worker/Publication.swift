internal import BatchCore
internal import BatchSystem
internal import CLeptonica

/// Makes the searchable PDF of a document: its pictures as they are, the text invisible above them.
struct Publication {
    private let request: JSONValue
    private let output: String
    private let images: ImageLibrary

    init(_ request: JSONValue, _ images: ImageLibrary) throws(DocumentError) {
        // A document may have thousands of pages: what to write is in a file.
        let file = request["job"]?.string ?? ""
        guard let bytes = try? DurableFile.read(file, atMost: 1 << 30),
            let job = try? JSONParser.parse(String(decoding: bytes, as: UTF8.self))
        else { throw DocumentError(.unreadable, "there is nothing to write") }
        self.request = job
        output = job["output"]?.string ?? ""
        self.images = images
    }

    func perform() throws(DocumentError) -> JSONValue {
        let pages = request["pages"]?.array ?? []
        let library = try PDFLibrary.load()
        if let source = request["source"]?.string {
            let layers = layers(pages)
            if layers.isEmpty, PDFLibrary.begins(source) {
                // What is there was begun by a process that was killed.
                Folder.remove(output)
                do throws(BatchError) { try File(creating: output).copy(of: source) } catch {
                    throw DocumentError(error.code == .diskFull ? .diskShort : .unreadable, error.message)
                }
            } else {
                try library.lay(layers, on: source, to: output)
            }
        } else {
            try write(pages, to: output)
        }
        if request["archival"]?.bool == true {
            try ArchivalPDF.convert(output, timeout: request["timeout"]?.integer ?? 600_000)
        }
        try library.check(output)
        let count = try library.pages(of: output)
        guard count == pages.count else {
            throw DocumentError(.pdfInvalid, "\(count) pages in place of \(pages.count)")
        }
        let text = TextOutput(request)
        for member in request["beside"]?.members ?? [] {
            guard let kind = DocumentProfile.Output(rawValue: member.key), let path = member.value.string else {
                continue
            }
            try text.write(kind, to: path)
        }
        return ["pages": JSONValue(count), "bytes": .integer(FileStatus(output)?.size ?? 0)]
    }

    /// What is new on the pages of a PDF.
    private func layers(_ pages: [JSONValue]) -> [Int: PDFLibrary.Layer] {
        var layers: [Int: PDFLibrary.Layer] = [:]
        for (number, page) in pages.enumerated() {
            let words = TextLayer(page)
            let replaces = page["redo"]?.bool == true
            guard !words.words.isEmpty || replaces else { continue }
            let points = (page["points"]?.array ?? []).compactMap(\.real)
            guard points.count == 2 else { continue }
            layers[number] = PDFLibrary.Layer(
                operators: words.operators(
                    across: points[0] / max(words.width, 1), down: points[1] / max(words.height, 1)),
                replacesHiddenText: replaces)
        }
        return layers
    }

    private func write(_ pages: [JSONValue], to path: String) throws(DocumentError) {
        Folder.remove(path)
        do throws(BatchError) {
            let writer = try PDFWriter(path, title: request["title"]?.string ?? "")
            for page in pages {
                let place = PageSource(page)
                let words = TextLayer(page)
                if place.mode == .gap {
                    let scale = 72 / Double(max(place.dpi, 1))
                    try writer.addEmpty(width: words.width * scale, height: words.height * scale)
                } else {
                    let image: EmbeddedImage
                    switch EmbeddedImage.read(place, images) {
                    case .success(let read): image = read
                    case .failure(let error): throw BatchError(.file, error.detail, hint: "")
                    }
                    // What was straightened lies as it is to be seen.
                    let isUpright = place.tilt != 0
                    try writer.add(
                        image, rotate: isUpright ? 0 : place.rotate, isMirrored: !isUpright && place.isMirrored,
                        image.resolution ?? place.resolution, words)
                }
            }
            try writer.finish()
        } catch {
            throw DocumentError(error.code == .diskFull ? .diskShort : .damaged, error.message)
        }
    }
}

/// The words of a page, in pixels of the picture as a reader sees it.
struct TextLayer {
    let words: [(text: String, left: Double, top: Double, width: Double, height: Double)]
    let width: Double
    let height: Double
    /// Degrees by which they are turned clockwise on the page: 0, 90, 180 or 270.
    let turn: Int

    /// - Parameter page: its first words may be those that it had before.
    init(_ page: JSONValue) {
        words = (page["words"]?.array ?? []).dropFirst(Int(page["had"]?.integer ?? 0)).compactMap { word in
            guard let parts = word.array, parts.count >= 5, let text = parts[0].string else { return nil }
            let numbers = parts[1...4].map { Double($0.integer ?? 0) }
            return (text, numbers[0], numbers[1], numbers[2], numbers[3])
        }
        width = Double(page["width"]?.integer ?? 0)
        height = Double(page["height"]?.integer ?? 0)
        turn = Int(page["turn"]?.integer ?? 0)
    }

    /// The operators that write it, in points from the lower left corner of the page as a reader sees it.
    /// - Parameters:
    ///   - across: points in the width of a pixel.
    ///   - down: points in its height.
    func operators(across: Double, down: Double) -> String {
        var text = "BT 3 Tr\n"
        let matrix = [90: "0 -1 1 0", 180: "-1 0 0 -1", 270: "0 1 -1 0"][turn] ?? "1 0 0 1"
        for word in words where word.width > 0 && word.height > 0 {
            let units = Array(word.text.utf16).map { unit in UTF16.isSurrogate(unit) ? 0xFFFD : unit }
            let isUpright = turn % 180 == 0
            let box = (width: word.width * across, height: word.height * down)
            let (length, tall) = isUpright ? (box.width, box.height) : (box.height, box.width)
            // All glyphs are half as wide as they are high.
            let natural = Double(units.count) * 0.5 * tall
            let stretch = natural > 0 ? length / natural * 100 : 100
            // The corner of the box where the word begins.
            let x = (turn == 180 || turn == 270 ? word.left + word.width : word.left) * across
            let y = (height - (turn == 90 || turn == 180 ? word.top : word.top + word.height)) * down
            let size = PDFWriter.number(tall, digits: 1)
            // A blank after each word: readers that join by position would run them together.
            let codes = (units + [32]).map { Hex.string([UInt8($0 >> 8), UInt8($0 & 255)]) }.joined()
            text +=
                "/F \(size) Tf \(PDFWriter.number(stretch, digits: 0)) Tz \(matrix) \(PDFWriter.number(x, digits: 1)) "
            text += "\(PDFWriter.number(y, digits: 1)) Tm "
            text += "<\(codes)> Tj\n"
        }
        return text + "ET\n"
    }
}

/// A picture as a PDF holds it: byte for byte what the file has where that can be, otherwise without loss.
struct EmbeddedImage {
    let width: Int
    let height: Int
    /// Entries of its dictionary beside width, height and length.
    let entries: String
    let bytes: [UInt8]
    /// What is transparent, 8 bits a pixel, deflated.
    var mask: [UInt8]?
    /// When it is another one than that of the file.
    var resolution: Resolution?

    static func read(_ source: PageSource, _ images: ImageLibrary) -> Result<EmbeddedImage, DocumentError> {
        do throws(DocumentError) { return .success(try load(source, images)) } catch { return .failure(error) }
    }

    private static func load(_ source: PageSource, _ images: ImageLibrary) throws(DocumentError) -> EmbeddedImage {
        let functions = images.functions
        if source.tilt != 0 { return try straightened(source, images) }
        let header = try images.header(source.file, frame: source.frame)
        if header.format == IFF_PNG, let deep = deepPNG(source.file) { return deep }
        var data: UnsafeMutablePointer<L_Compressed_Data>?
        var mask: [UInt8]?
        if [IFF_JFIF_JPEG, IFF_JP2].contains(header.format) || header.format == IFF_PNG && isPlainPNG(source.file) {
            _ = functions.l_generateCIDataForPdf(source.file, nil, 0, &data)
        } else {
            let picture = try images.read(source.file, frame: source.frame)
            if picture.hasAlpha { mask = try alpha(picture, functions) }
            let isBilevel = functions.pixGetDepth(picture.pix) == 1 && functions.pixGetColormap(picture.pix) == nil
            if header.format == IFF_PNG, !picture.hasAlpha {
                _ = functions.l_generateCIDataForPdf(source.file, picture.pix, 0, &data)
            } else if isBilevel || picture.hasAlpha {
                _ = functions.pixGenerateCIData(
                    picture.pix, isBilevel ? Int32(L_G4_ENCODE) : Int32(L_FLATE_ENCODE), 0, 0, &data)
            } else {
                // The filters of PNG make it smaller than Flate alone.
                let png = TemporaryName.beside(source.file)
                defer { Folder.remove(png) }
                guard functions.pixWrite(png, picture.pix, Int32(IFF_PNG)) == 0 else {
                    throw DocumentError(.diskShort, "the image cannot be written")
                }
                _ = functions.l_generateCIDataForPdf(png, picture.pix, 0, &data)
            }
        }
        guard let data else { throw DocumentError(.damaged, "the image cannot be embedded") }
        defer {
            var gone: UnsafeMutablePointer<L_Compressed_Data>? = data
            functions.l_CIDataDestroy(&gone)
        }
        var image = EmbeddedImage(data.pointee)
        image.mask = mask
        return image
    }

    /// Whether its bytes can go into a PDF unseen: nothing is transparent, and its rows come in their order.
    private static func isPlainPNG(_ file: String) -> Bool {
        guard let bytes = try? File(reading: file).read(65_536), bytes.count > 33, [0, 2, 3].contains(bytes[25]),
            bytes[28] == 0
        else { return false }
        var place = 8
        while place + 8 <= bytes.count {
            let kind = Array(bytes[(place + 4)..<(place + 8)])
            if kind == Array("IDAT".utf8) { return true }
            if kind == Array("tRNS".utf8) { return false }
            place += bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) } + 12
        }
        return false
    }

    /// The picture as it was read, which is another one: JPEG stays JPEG, all else is without loss.
    private static func straightened(
        _ source: PageSource, _ images: ImageLibrary
    ) throws(DocumentError) -> EmbeddedImage {
        let isJPEG = try images.header(source.file, frame: source.frame).format == IFF_JFIF_JPEG
        let (square, resolution) = try source.squared(source.upright(images))
        let picture = try square.straightened(by: source.tilt)
        var data: UnsafeMutablePointer<L_Compressed_Data>?
        _ = images.functions.pixGenerateCIData(
            picture.pix, isJPEG ? Int32(L_JPEG_ENCODE) : Int32(L_FLATE_ENCODE), 90, 0, &data)
        guard let data else { throw DocumentError(.damaged, "the image cannot be embedded") }
        defer {
            var gone: UnsafeMutablePointer<L_Compressed_Data>? = data
            images.functions.l_CIDataDestroy(&gone)
        }
        var image = EmbeddedImage(data.pointee)
        image.resolution = resolution
        return image
    }

    /// A PNG of 16 bits a sample, which Leptonica reads as one of 8; nil for all others.
    private static func deepPNG(_ file: String) -> EmbeddedImage? {
        guard let bytes = try? DurableFile.read(file, atMost: 1 << 30), bytes.count > 33 else { return nil }
        func number(_ place: Int) -> Int { bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) } }
        let (depth, colour, interlace) = (bytes[24], bytes[25], bytes[28])
        guard depth == 16, interlace == 0, colour == 0 || colour == 2 else { return nil }
        var (place, data): (Int, [UInt8]) = (8, [])
        while place + 12 <= bytes.count {
            let (size, kind) = (number(place), Array(bytes[(place + 4)..<(place + 8)]))
            guard size >= 0, place + 12 + size <= bytes.count else { return nil }
            // What is transparent by its colour alone is for Leptonica.
            if kind == Array("tRNS".utf8) { return nil }
            if kind == Array("IDAT".utf8) { data += bytes[(place + 8)..<(place + 8 + size)] }
            place += size + 12
        }
        guard !data.isEmpty else { return nil }
        let (width, samples) = (number(16), colour == 2 ? 3 : 1)
        return EmbeddedImage(
            width: width, height: number(20),
            entries:
                "/BitsPerComponent 16 /ColorSpace /\(samples == 3 ? "DeviceRGB" : "DeviceGray") /Filter /FlateDecode "
                + "/DecodeParms << /Predictor 15 /Colors \(samples) /BitsPerComponent 16 /Columns \(width) >> ",
            bytes: data)
    }

    private init(width: Int, height: Int, entries: String, bytes: [UInt8]) {
        self.width = width
        self.height = height
        self.entries = entries
        self.bytes = bytes
    }

    private init(_ data: L_Compressed_Data) {
        (width, height) = (Int(data.w), Int(data.h))
        bytes = data.datacomp.map { Array(UnsafeBufferPointer(start: $0, count: data.nbytescomp)) } ?? []
        let isJPEG = data.type == Int32(L_JPEG_ENCODE)
        var entries = "/BitsPerComponent \(data.bps) "
        if data.ncolors > 0, let map = data.cmapdatahex {
            entries += "/ColorSpace [/Indexed /DeviceRGB \(data.ncolors - 1) \(String(cString: map))] "
        } else {
            entries += "/ColorSpace /\(data.spp == 1 ? "DeviceGray" : data.spp == 4 ? "DeviceCMYK" : "DeviceRGB") "
        }
        switch data.type {
        case Int32(L_JPEG_ENCODE):
            entries += "/Filter /DCTDecode "
            // Adobe's CMYK is inverted.
            if data.spp == 4, isJPEG, EmbeddedImage.isAdobe(bytes) { entries += "/Decode [1 0 1 0 1 0 1 0] " }
        case Int32(L_JP2K_ENCODE): entries += "/Filter /JPXDecode "
        case Int32(L_G4_ENCODE):
            let black = data.minisblack != 0 ? "true" : "false"
            entries +=
                "/Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns \(data.w) /Rows \(data.h) /BlackIs1 \(black) >> "
        default:
            entries += "/Filter /FlateDecode "
            if data.predictor != 0 {
                entries +=
                    "/DecodeParms << /Predictor 14 /Colors \(data.spp) /BitsPerComponent \(data.bps) /Columns \(data.w) >> "
            }
        }
        self.entries = entries
    }

    private static func isAdobe(_ bytes: [UInt8]) -> Bool {
        var place = 2
        while place + 9 < bytes.count, bytes[place] == 0xFF, bytes[place + 1] != 0xDA {
            if bytes[place + 1] == 0xEE, Array(bytes[(place + 4)..<(place + 9)]) == Array("Adobe".utf8) { return true }
            place += 2 + Int(bytes[place + 2]) << 8 + Int(bytes[place + 3])
        }
        return false
    }

    private static func alpha(_ picture: Picture, _ functions: cleptonica) throws(DocumentError) -> [UInt8] {
        var layer = functions.pixGetRGBComponent(picture.pix, Int32(L_ALPHA_CHANNEL))
        defer { functions.pixDestroy(&layer) }
        var data: UnsafeMutablePointer<L_Compressed_Data>?
        guard let layer, functions.pixGenerateCIData(layer, Int32(L_FLATE_ENCODE), 0, 0, &data) == 0, let data
        else { throw DocumentError(.memory) }
        defer {
            var gone: UnsafeMutablePointer<L_Compressed_Data>? = data
            functions.l_CIDataDestroy(&gone)
        }
        return data.pointee.datacomp.map { Array(UnsafeBufferPointer(start: $0, count: data.pointee.nbytescomp)) } ?? []
    }
}
