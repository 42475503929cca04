internal import BatchSystem
internal import CLeptonica
internal import Glibc

/// Leptonica: reads image files.
final class ImageLibrary {
    let functions: cleptonica

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
        var isTIFF: Bool { format >= IFF_TIFF && format <= IFF_TIFF_ZIP || format == IFF_TIFF_JPEG }
    }

    func header(_ file: String, frame: Int = 0) throws(DocumentError) -> Header {
        var format: Int32 = 0
        guard functions.findFileFormat(file, &format) == 0, format != Int32(IFF_UNKNOWN) else {
            throw DocumentError(.unknownType)
        }
        var (width, height, bits, samples, map) = (Int32(0), Int32(0), Int32(0), Int32(0), Int32(0))
        let plain = Header(format: Int(format), width: 0, height: 0)
        let code =
            plain.isTIFF
            ? functions.readHeaderTiff(file, Int32(frame), &width, &height, &bits, &samples, nil, &map, nil)
            : functions.pixReadHeader(file, nil, &width, &height, &bits, &samples, &map)
        // GIF and BMP have no header reader: they are read whole, and the file is small beside what it holds.
        if code != 0, plain.format != IFF_GIF, plain.format != IFF_BMP {
            throw DocumentError(.damaged, "its header cannot be read")
        }
        return Header(format: Int(format), width: Int(width), height: Int(height))
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
        return Picture(pix, self)
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
    private var functions: cleptonica { library.functions }

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
    var resolution: Int { Int(functions.pixGetXRes(pix)) }
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

    private func made(_ result: UnsafeMutablePointer<Pix>?) throws(DocumentError) -> Picture {
        guard let result else { throw DocumentError(.memory) }
        return Picture(result, library)
    }

    /// The resolution of a page, or what it is when the page is about as long as a sheet of paper.
    static func resolution(_ told: Int, width: Int, height: Int) -> Int {
        if (50...2_400).contains(told) { return told }
        return min(max(max(width, height) / 11, 72), 600)
    }
}

/// How a camera held the page: the orientation tag of EXIF, as degrees that the picture has to be turned clockwise.
struct CameraRotation {
    /// Clockwise, after it is mirrored.
    let degrees: Int
    let isMirrored: Bool

    init(_ file: String) {
        let orientation = CameraRotation.orientation(file)
        isMirrored = [2, 4, 5, 7].contains(orientation)
        degrees =
            switch orientation {
            case 3, 4: 180
            case 6, 7: 90
            case 5, 8: 270
            default: 0
            }
    }

    private static func orientation(_ file: String) -> Int {
        guard let open = try? File(reading: file), let bytes = try? open.read(65_536), bytes.starts(with: [0xFF, 0xD8])
        else { return 0 }
        var place = 2
        while place + 10 < bytes.count, bytes[place] == 0xFF {
            let length = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
            if bytes[place + 1] == 0xE1, Array(bytes[(place + 4)..<(place + 8)]) == Array("Exif".utf8) {
                return orientation(bytes[min(place + 10, bytes.count)..<min(place + 2 + length, bytes.count)])
            }
            if bytes[place + 1] == 0xDA { return 0 }
            place += 2 + length
        }
        return 0
    }

    private static func orientation(_ bytes: ArraySlice<UInt8>) -> Int {
        let data = Array(bytes)
        guard data.count > 8 else { return 0 }
        let isLittle = data[0] == 0x49
        func number(_ place: Int, _ count: Int) -> Int {
            guard place >= 0, place + count <= data.count else { return 0 }
            return (0..<count).reduce(0) { sum, step in
                sum | Int(data[place + step]) << (8 * (isLittle ? step : count - 1 - step))
            }
        }
        let start = number(4, 4)
        for entry in 0..<min(number(start, 2), 512) where number(start + 2 + entry * 12, 2) == 0x0112 {
            return number(start + 10 + entry * 12, 2)
        }
        return 0
    }
}
