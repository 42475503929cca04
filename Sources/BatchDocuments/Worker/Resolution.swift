internal import CLeptonica

/// Pixels in an inch of a picture: a fax has about twice as many across as down.
struct Resolution: Hashable {
    let across: Int
    let down: Int

    private static let usual = 50...2_400
    /// Pixels that are longer than this are a mistake of whoever wrote the file.
    private static let mostLength = 4
    private static let mostPixels = 100_000_000
    /// The engine takes no longer sides.
    private static let longestSide = 32_767

    /// A point is 1/72 inch.
    var pointsAcross: Double { 72 / Double(max(across, 1)) }
    var pointsDown: Double { 72 / Double(max(down, 1)) }

    /// Of the picture turned.
    /// - Parameter degrees: a multiple of 90.
    func turned(_ degrees: Int) -> Resolution {
        degrees % 180 == 0 ? self : Resolution(across: down, down: across)
    }

    /// What a file says, where that can be; otherwise what it is when the page is about as long as a sheet of paper.
    func plausible(width: Int, height: Int) -> Resolution {
        let (hasAcross, hasDown) = (Resolution.usual.contains(across), Resolution.usual.contains(down))
        if hasAcross, hasDown, max(across, down) <= Resolution.mostLength * min(across, down) { return self }
        if hasAcross { return Resolution(across: across, down: across) }
        if hasDown { return Resolution(across: down, down: down) }
        let guess = min(max(max(width, height) / 11, 72), 600)
        return Resolution(across: guess, down: guess)
    }

    /// The same both ways: the finer one, unless that makes too large a picture. What is nearly the same stays as it is.
    func squared(width: Int, height: Int) -> Resolution {
        guard abs(across - down) * 50 > max(across, down) else { return self }
        let most = max(across, down)
        let (wide, high) = (width * most / max(across, 1), height * most / max(down, 1))
        let isFit = max(wide, high) <= Resolution.longestSide && wide * high <= Resolution.mostPixels
        let dpi = isFit ? most : min(across, down)
        return Resolution(across: dpi, down: dpi)
    }
}

extension Picture {
    /// For the engine, which knows letters by their shapes: with pixels as high as they are wide.
    /// - Returns: itself where they are already, or nearly.
    func squared(_ resolution: Resolution) throws(DocumentError) -> (picture: Picture, resolution: Resolution) {
        let square = resolution.squared(width: width, height: height)
        guard square != resolution else { return (self, resolution) }
        func scaled(_ length: Int, _ dpi: Int) -> Int32 { Int32(max(1, (length * square.across + dpi / 2) / dpi)) }
        // With one bit a pixel each would only be doubled: letters get steps.
        var grey = functions.pixGetDepth(pix) == 1 ? functions.pixConvertTo8(pix, 0) : nil
        defer { functions.pixDestroy(&grey) }
        let result = functions.pixScaleToSize(
            grey ?? pix, scaled(width, resolution.across), scaled(height, resolution.down))
        return (try made(result), square)
    }
}

extension RecognisedPage {
    /// The same words on the picture in another size.
    func scaled(from: (width: Int, height: Int), to: (width: Int, height: Int)) -> RecognisedPage {
        guard from != to, from.width > 0, from.height > 0 else { return self }
        let (across, down) = (Double(to.width) / Double(from.width), Double(to.height) / Double(from.height))
        func part(_ start: Int, _ length: Int, _ scale: Double, within most: Int) -> (start: Int, length: Int) {
            let first = min(max(Int((Double(start) * scale).rounded(.down)), 0), most)
            let last = min(max(Int((Double(start + length) * scale).rounded(.up)), first), most)
            return (first, last - first)
        }
        var page = RecognisedPage()
        page.turn = turn
        for (word, separator) in zip(words, separators) {
            let x = part(word.left, word.width, across, within: to.width)
            let y = part(word.top, word.height, down, within: to.height)
            page.append(
                Word(
                    text: word.text, left: x.start, top: y.start, width: x.length, height: y.length,
                    confidence: word.confidence), separator)
        }
        return page
    }
}
