public import BatchCore

/// The words of a restore point: who made it, when, and what it says.
public struct PointMessage: Hashable, Sendable {
    public struct Author: Hashable, Sendable {
        public let name: String
        public let email: String

        public init(name: String, email: String) {
            self.name = name
            self.email = email
        }
    }

    public struct Trailer: Hashable, Sendable {
        /// E.g. `Batch-Id`.
        public let key: String
        public let value: String

        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    public let subject: String
    public let body: String
    public let trailers: [Trailer]
    public let author: Author
    public let time: Timestamp

    public init(subject: String, body: String = "", trailers: [Trailer], author: Author, time: Timestamp) {
        self.subject = subject
        self.body = body
        self.trailers = trailers
        self.author = author
        self.time = time
    }

    /// The value of the first trailer with this key.
    public subscript(trailer key: String) -> String? { trailers.first { $0.key == key }?.value }

    /// The name of the `.bak` in the trailer `Snapshot`, which goes on with its SHA-256.
    public var snapshotFile: String? {
        guard let words = self[trailer: "Snapshot"]?.split(separator: " "), words.count > 1 else { return nil }
        return words.dropLast().joined(separator: " ")
    }

    // MARK: Text

    /// As git wants it: subject, body and trailers, an empty line between them.
    var text: String { text(trailers) }

    var textWithoutAudit: String { text(trailers.filter { !SignedAuditHeads.isOurs($0) }) }

    private func text(_ trailers: [Trailer]) -> String {
        let ending = trailers.map { "\(PointMessage.line($0.key)): \(PointMessage.line($0.value))" }
        let parts = [PointMessage.line(subject), Printable.lines(body), ending.joined(separator: "\n")].filter {
            !$0.isEmpty
        }
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// `Name <mail> seconds +0000`. Angle brackets and line ends would break the header.
    var signature: String {
        let seconds = time.milliseconds / 1_000
        return "\(PointMessage.plain(author.name)) <\(PointMessage.plain(author.email))> \(seconds) +0000"
    }

    private static func line(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        return Printable.text(String(text.map { $0.isNewline || $0 == "\0" ? " " : $0 }))
    }

    private static func plain(_ text: String) -> String {
        let plain = String(text.filter { $0 != "<" && $0 != ">" && !$0.isNewline && $0 != "\0" })
        return plain.isEmpty ? "unknown" : plain
    }

    /// Reads a message back: the last paragraph is trailers when every line of it is `Key: value`.
    static func parse(_ text: String, author: Author, time: Timestamp) -> PointMessage {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let content = Array(lines[..<(lines.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0)])
        let start = content.lastIndex(of: "").map { $0 + 1 } ?? content.count
        let trailers = content[start...].map(trailer)
        let areTrailers = start < content.count && trailers.allSatisfy { $0 != nil }
        let rest = areTrailers ? content[..<(start - 1)] : content[...]
        return PointMessage(
            subject: rest.first ?? "", body: rest.dropFirst(2).joined(separator: "\n"),
            trailers: areTrailers ? trailers.compactMap(\.self) : [], author: author, time: time)
    }

    private static func trailer(_ line: String) -> Trailer? {
        guard let colon = line.firstIndex(of: ":"), line[colon...].hasPrefix(": "), colon > line.startIndex,
            line[..<colon].utf8.allSatisfy({ ($0 | 32 >= 97 && $0 | 32 <= 122) || $0 == 45 })
        else { return nil }
        return Trailer(String(line[..<colon]), String(line[colon...].dropFirst(2)))
    }
}
