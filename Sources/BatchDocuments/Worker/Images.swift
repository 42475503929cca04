internal import BatchSystem
internal import CLeptonica
internal import Glibc

/// Leptonica: reads image files.
final class ImageLibrary {
    let functions: cleptonica
    /// How the frames of the TIFF that was read last are to be turned.
    private var turns: (file: String, frames: [Int]) = ("", [])

    private init(_ functions: cleptonica) { self.functions = functions }

    static func load() throws(DocumentError) -> ImageLibrary {
        var functions = cleptonica()
        if let missing = cleptonica_load(&functions) {
            throw DocumentError(.engine, "\(String(cString: missing)) is missing")
        }
        // What is wrong with an image is told by us.
        _ = functions.setMsgSeverity(Int32(L_SEVERITY_NONE))
        return ImageLibrary(functions)
    }

    var version: String {
        guard let text = functions.getLeptonicaVersion() else { return "" }
        defer { functions.lept_free(text) }
        return String(cString: text)
    }

    /// What the header of an image file says.
    struct Header {
        let format: Int
        let width: Int
        let height: Int
        /// Of a pixel.
        let samples: Int
        var isTIFF: Bool { format >= IFF_TIFF && format <= IFF_TIFF_ZIP || format == IFF_TIFF_JPEG }
    }

    func header(_ file: String, frame: Int = 0) throws(DocumentError) -> Header {
        var format: Int32 = 0
        guard functions.findFileFormat(file, &format) == 0, format != Int32(IFF_UNKNOWN) else {
            throw DocumentError(.unknownType)
        }
        var (width, height, bits, samples, map) = (Int32(0), Int32(0), Int32(0), Int32(0), Int32(0))
        let plain = Header(format: Int(format), width: 0, height: 0, samples: 0)
        let code =
            plain.isTIFF
            ? functions.readHeaderTiff(file, Int32(frame), &width, &height, &bits, &samples, nil, &map, nil)
            : functions.pixReadHeader(file, nil, &width, &height, &bits, &samples, &map)
        // GIF and BMP have no header reader: they are read whole, and the file is small beside what it holds.
        if code != 0, plain.format != IFF_GIF, plain.format != IFF_BMP {
            throw DocumentError(.damaged, "its header cannot be read")
        }
        return Header(format: Int(format), width: Int(width), height: Int(height), samples: Int(samples))
    }

    /// Frames of a TIFF; 1 for all others.
    func frames(_ file: String, _ header: Header) -> Int {
        guard header.isTIFF, let stream = functions.lept_fopen(file, "rb") else { return 1 }
        defer { _ = functions.lept_fclose(stream) }
        var count: Int32 = 0
        return functions.tiffGetCount(stream, &count) == 0 ? Int(count) : 1
    }

    func read(_ file: String, frame: Int) throws(DocumentError) -> Picture {
        let header = try self.header(file, frame: frame)
        let pix = header.isTIFF ? functions.pixReadTiff(file, Int32(frame)) : functions.pixRead(file)
        guard let pix else {
            if isAnimatedWebP(file) { throw DocumentError(.unreadable, "it is an animated WebP") }
            throw DocumentError(.damaged, "the image cannot be decoded")
        }
        let picture = Picture(pix, self)
        return header.isTIFF ? try upright(picture, header, orientation(file, frame)) : picture
    }

    /// Leptonica turns a TIFF as it says itself; but its resolution stays, and (1.82) a picture in colour that is to be
    /// turned to the left it turns to the right.
    private func upright(
        _ picture: Picture, _ header: Header, _ orientation: Int
    ) throws(DocumentError) -> Picture {
        let picture = orientation == 8 && header.samples > 2 ? try picture.turned(180) : picture
        picture.isTurned = (5...8).contains(orientation)
        return picture
    }

    private func orientation(_ file: String, _ frame: Int) -> Int {
        if turns.file != file { turns = (file, ImageOrientation.frames(of: file)) }
        return frame < turns.frames.count ? turns.frames[frame] : 0
    }

    /// Leptonica reads no animation (1.82); a flag of the extended header says that it is one.
    private func isAnimatedWebP(_ file: String) -> Bool {
        guard let bytes = try? File(reading: file).read(21), bytes.count == 21 else { return false }
        return Array(bytes[8..<16]) == Array("WEBPVP8X".utf8) && bytes[20] & 2 != 0
    }
}

/// An image in memory.
final class Picture {
    let pix: UnsafeMutablePointer<Pix>
    private let library: ImageLibrary
    var functions: cleptonica { library.functions }
    /// It was turned by 90 degrees when it was read: what its file says about across is about down now.
    var isTurned = false

    init(_ pix: UnsafeMutablePointer<Pix>, _ library: ImageLibrary) {
        self.pix = pix
        self.library = library
    }

    deinit {
        var pix: UnsafeMutablePointer<Pix>? = pix
        functions.pixDestroy(&pix)
    }

    var width: Int { Int(functions.pixGetWidth(pix)) }
    var height: Int { Int(functions.pixGetHeight(pix)) }
    /// As its file says it; 0 where it says nothing.
    var resolution: Resolution {
        let (across, down) = (Int(functions.pixGetXRes(pix)), Int(functions.pixGetYRes(pix)))
        return isTurned ? Resolution(across: down, down: across) : Resolution(across: across, down: down)
    }
    var hasAlpha: Bool { functions.pixGetSpp(pix) == 4 }

    /// As in a mirror: left is right.
    func mirrored() throws(DocumentError) -> Picture { try made(functions.pixFlipLR(nil, pix)) }

    /// - Parameter degrees: clockwise, a multiple of 90.
    func turned(_ degrees: Int) throws(DocumentError) -> Picture {
        guard degrees % 360 != 0 else { return self }
        return try made(functions.pixRotateOrth(pix, Int32(degrees / 90 & 3)))
    }

    /// Fit for recognition: what is transparent is white paper.
    func readable() throws(DocumentError) -> Picture {
        guard hasAlpha else { return self }
        return try made(functions.pixAlphaBlendUniform(pix, 0xFFFF_FF00))
    }

    /// By how many degrees it has to be turned clockwise to lie straight; nil when it does, or nobody can tell.
    ///
    /// Leptonica finds up to 7 degrees. What is less than half a degree the engine reads as well.
    func tilt() -> Double? {
        var grey = functions.pixConvertTo8(pix, 0)
        defer { functions.pixDestroy(&grey) }
        var marks = grey.flatMap { functions.pixThresholdToBinary($0, 130) }
        defer { functions.pixDestroy(&marks) }
        var (angle, confidence): (Float, Float) = (0, 0)
        guard let marks, functions.pixFindSkew(marks, &angle, &confidence) == 0, confidence >= Picture.leastConfidence,
            abs(angle) >= 0.5
        else { return nil }
        return Double(angle)
    }

    /// Of Leptonica's own deskewing.
    private static let leastConfidence: Float = 3

    /// White comes into the corners.
    /// - Parameter degrees: clockwise.
    func straightened(by degrees: Double) throws(DocumentError) -> Picture {
        // What has one bit a pixel, or a map of colours, is turned pixel by pixel.
        try made(
            functions.pixRotate(
                pix, Float(degrees * .pi / 180), Int32(L_ROTATE_AREA_MAP), Int32(L_BRING_IN_WHITE), 0, 0))
    }

    /// No side longer than so many pixels.
    func shrunk(to most: Int) throws(DocumentError) -> Picture {
        let longest = max(width, height)
        guard longest > most else { return self }
        return try made(functions.pixScaleToSize(pix, Int32(width * most / longest), Int32(height * most / longest)))
    }

    func write(png path: String) throws(DocumentError) {
        guard functions.pixWrite(path, pix, Int32(IFF_PNG)) == 0 else {
            throw DocumentError(.diskShort, "the picture cannot be written")
        }
    }

    func made(_ result: UnsafeMutablePointer<Pix>?) throws(DocumentError) -> Picture {
        guard let result else { throw DocumentError(.memory) }
        return Picture(result, library)
    }
}
