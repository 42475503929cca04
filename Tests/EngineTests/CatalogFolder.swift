import Glibc

/// A folder with files, removed when the test is over.
final class CatalogFolder {
    let path: String

    init(_ files: [String: String] = [:]) throws {
        var template = Array("/tmp/batchmgr-catalog-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXFailure(code: errno) }
        path = template.withUnsafeBufferPointer {
            String(decoding: $0.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        for (name, text) in files { try write(name, Array(text.utf8)) }
    }

    deinit { CatalogFolder.erase(path) }

    private static func erase(_ path: String) {
        if let stream = opendir(path) {
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { erase("\(path)/\(name)") }
            }
        }
        remove(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ bytes: [UInt8], executable: Bool = false) throws {
        var folder = path
        for part in name.split(separator: "/").dropLast() {
            folder += "/\(part)"
            mkdir(folder, 0o755)
        }
        guard let stream = fopen(file(name), "w") else { throw POSIXFailure(code: errno) }
        fwrite(bytes, 1, bytes.count, stream)
        fclose(stream)
        if executable { chmod(file(name), 0o755) }
    }

    func read(_ name: String) -> String { CatalogFolder.read(file(name)) }

    static func read(_ path: String) -> String {
        guard let stream = fopen(path, "r") else { return "" }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(stream), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

struct POSIXFailure: Error {
    let code: Int32
}
