import BatchEngine
import BatchSystem
import Glibc

/// A temporary workspace folder, removed with everything in it when it is released.
final class StepFolder {
    let path: String

    init() {
        var template = Array("/tmp/batchmgr-steps-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/nowhere"
    }

    deinit { _ = try? ExternalCommand(.init(arguments: ["rm", "-rf", path], folder: "/")).run() }

    func write(_ text: String, to name: String, executable: Bool = false) {
        guard let file = fopen("\(path)/\(name)", "w") else { return }
        let bytes = Array(text.utf8)
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        chmod("\(path)/\(name)", executable ? 0o755 : 0o644)
    }

    /// Nil when there is no such file.
    func read(_ name: String) -> [UInt8]? { StepFolder.read("\(path)/\(name)") }

    func text(_ name: String) -> String? { read(name).map { String(decoding: $0, as: UTF8.self) } }

    static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes.append(contentsOf: buffer[0..<count])
        }
        return bytes
    }

    /// Names in the folder, hidden ones too.
    var names: [String] { run(["ls", "-A"]).split(separator: "\n").map(String.init) }

    /// Standard output of a program that runs here.
    func run(_ arguments: [String], input: String = "") -> String {
        let outcome = try? ExternalCommand(.init(arguments: arguments, folder: path)).run(input: Array(input.utf8))
        return outcome?.output.text ?? ""
    }

    /// True when a process is not there, or goes within two seconds: a kill takes effect a moment after it is sent.
    static func isGone(_ process: Int) -> Bool {
        for _ in 0..<200 where isAlive(process) { usleep(10_000) }
        return !isAlive(process)
    }

    /// True while a process is there and not just waiting to be reaped.
    private static func isAlive(_ process: Int) -> Bool {
        guard let status = read("/proc/\(process)/stat") else { return false }
        let state = String(decoding: status, as: UTF8.self).split(separator: ")").last?.first { $0 != " " }
        return state != "Z" && state != "X" && state != nil
    }
}
