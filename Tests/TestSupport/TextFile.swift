internal import Glibc
internal import Testing

public enum TextFile {
    public static func read(_ path: String) throws -> String {
        let file = try #require(fopen(path, "r"), "\(path) cannot be read")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    public static func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w"), "\(path) cannot be written")
        defer { fclose(file) }
        try #require(fputs(text, file) >= 0)
    }

    /// The package folder, from where this file was compiled.
    public static func inPackage(_ path: String, source: String = #filePath) -> String {
        let folders = source.split(separator: "/").dropLast(3)
        return "/" + folders.joined(separator: "/") + "/" + path
    }
}
