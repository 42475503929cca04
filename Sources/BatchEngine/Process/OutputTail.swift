/// The end of an output: as many bytes as the limit allows, whatever the output's length.
public struct OutputTail: Sendable, Equatable {
    private var kept: [UInt8] = []
    private let limit: Int
    /// Bytes that the program wrote, kept or not.
    public private(set) var total = 0

    init(limit: Int) { self.limit = max(1, limit) }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        total += bytes.count
        kept.append(contentsOf: bytes)
        // Cut at twice the limit, so that a byte is moved once and not with every read.
        if kept.count >= limit * 2 { kept.removeFirst(kept.count - limit) }
    }

    public var bytes: ArraySlice<UInt8> { kept.suffix(limit) }

    public var wasCut: Bool { total > limit }

    /// Invalid bytes replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The last line with something on it, fit for a message: no control characters, at most 200 characters.
    public var lastLine: String? {
        let lines = text.split { $0.isNewline }
        guard let line = lines.last(where: { !$0.allSatisfy(\.isWhitespace) }) else { return nil }
        return PlainText.oneLine(String(line))
    }
}
