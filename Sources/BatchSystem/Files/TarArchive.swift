/// Files in one: the POSIX format `ustar`, that every `tar` reads.
public struct TarArchive {
    private var bytes: [UInt8] = []
    private let seconds: Int64

    /// - Parameter seconds: since 1970: the time that every file bears.
    public init(seconds: Int64) { self.seconds = seconds }

    /// - Parameter name: with folders, at most 100 bytes.
    public mutating func add(_ name: String, _ content: [UInt8]) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at place: Int, most: Int) {
            for (offset, byte) in text.utf8.prefix(most).enumerated() { header[place + offset] = byte }
        }
        func octal(_ number: Int64, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
        }
        put(name, at: 0, most: 100)
        put(octal(0o600, 7), at: 100, most: 7)
        put(octal(0, 7), at: 108, most: 7)
        put(octal(0, 7), at: 116, most: 7)
        put(octal(Int64(content.count), 11), at: 124, most: 11)
        put(octal(seconds, 11), at: 136, most: 11)
        put("        ", at: 148, most: 8)
        put("0", at: 156, most: 1)
        put("ustar", at: 257, most: 5)
        put("00", at: 263, most: 2)
        // The sum of the header is taken with blanks in its own place.
        let sum = header.reduce(Int64(0)) { $0 + Int64($1) }
        put(octal(sum, 6), at: 148, most: 6)
        header[154] = 0
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// With the two empty blocks that end it.
    public func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1_024) }
}
