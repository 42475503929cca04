internal import Glibc

/// Other programs, and what they print.
public enum Shell {
    public static func quote(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// Standard output and standard error of a shell command.
    public static func run(_ command: String) -> [UInt8] {
        guard let pipe = popen("{ \(command)\n} 2>&1", "re") else { return [] }
        defer { pclose(pipe) }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = chunk.withUnsafeMutableBytes { fread($0.baseAddress, 1, $0.count, pipe) }
            if count == 0 { return output }
            output += chunk[..<count]
        }
    }

    /// `.dump` of a database without the lines about the ledger.
    public static func dump(_ database: String) -> [UInt8] {
        run("sqlite3 -batch \(quote(database)) .dump | grep -a -v batchmgr_")
    }

    /// The first line in which two texts differ, for the message of a failed test; nil when they are equal.
    public static func firstDifference(_ left: [UInt8], _ right: [UInt8]) -> String? {
        if left == right { return nil }
        let one = left.split(separator: 10, omittingEmptySubsequences: false)
        let two = right.split(separator: 10, omittingEmptySubsequences: false)
        func text(_ line: ArraySlice<UInt8>?) -> String {
            line.map { String(decoding: $0.prefix(300), as: UTF8.self) } ?? "(end)"
        }
        for line in 0..<max(one.count, two.count) {
            let (a, b) = (line < one.count ? one[line] : nil, line < two.count ? two[line] : nil)
            if a != b { return "line \(line + 1): \(text(a)) | \(text(b))" }
        }
        return "equal lines"
    }
}
