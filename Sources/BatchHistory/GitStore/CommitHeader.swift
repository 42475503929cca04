internal import BatchCore

/// A commit object, taken apart.
struct CommitHeader {
    let tree: ObjectID
    let parent: ObjectID?
    let message: PointMessage

    init(_ bytes: [UInt8], _ id: ObjectID) throws(BatchError) {
        guard let gap = CommitHeader.emptyLine(bytes) else { throw GitRepository.corrupt(id, .commit, "is damaged") }
        let lines = String(decoding: bytes[..<gap], as: UTF8.self).split(separator: "\n")
        func value(_ key: String) -> Substring? {
            lines.first { $0.hasPrefix(key + " ") }?.dropFirst(key.utf8.count + 1)
        }
        guard let tree = value("tree").flatMap({ ObjectID(hex: $0) }) else {
            throw GitRepository.corrupt(id, .commit, "is damaged")
        }
        self.tree = tree
        parent = value("parent").flatMap { ObjectID(hex: $0) }
        let (author, time) = CommitHeader.signature(value("author") ?? "")
        message = PointMessage.parse(String(decoding: bytes[(gap + 2)...], as: UTF8.self), author: author, time: time)
    }

    private static func emptyLine(_ bytes: [UInt8]) -> Int? {
        bytes.indices.dropLast().first { bytes[$0] == 10 && bytes[$0 + 1] == 10 }
    }

    /// `Name <mail> seconds zone`.
    private static func signature(_ text: Substring) -> (PointMessage.Author, Timestamp) {
        let name = text.prefix { $0 != "<" }
        let mail = text.dropFirst(name.count + 1).prefix { $0 != ">" }
        let seconds = text.dropFirst(name.count + mail.count + 2).split(separator: " ").first.flatMap { Int64($0) } ?? 0
        return (
            PointMessage.Author(
                name: name.hasSuffix(" ") ? String(name.dropLast()) : String(name), email: String(mail)),
            Timestamp(milliseconds: seconds.multipliedReportingOverflow(by: 1_000).partialValue)
        )
    }
}
