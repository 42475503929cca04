public import BatchCatalog
public import BatchCore
internal import BatchHistory
internal import CLinux
internal import Glibc

/// Reads the log of a workspace, through all its files, and goes on with what is appended.
public final class LogReader {
    private let folder: String
    private let request: LogsRequest
    private var descriptor: Int32 = -1
    /// The part of a line that has no end yet.
    private var rest: [UInt8] = []

    public init(_ workspace: Workspace, _ request: LogsRequest) {
        folder = workspace.backups + "/logs"
        self.request = request
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private var path: String { "\(folder)/\(LogFile.name)" }

    /// The lines that there are, and with `--follow` those that come until `stop` says true.
    /// - Parameter show: the text of the line, and what it says.
    public func read(
        sleep: (Int64) -> Void, stop: () -> Bool, show: (String, LogLine) throws(BatchError) -> Void
    ) throws(BatchError) {
        var last: [(String, LogLine)] = []
        let limit = request.count ?? .max
        try forEachOldFile { (text, line) in
            last.append((text, line))
            if last.count / 2 > limit { last.removeFirst(last.count - limit) }
        }
        for (text, line) in last.suffix(limit) { try show(text, line) }
        guard request.follows else { return }
        while !stop() {
            try readOn(show)
            sleep(100)
        }
    }

    /// Older files first; the one that is written to stays open where it ended.
    private func forEachOldFile(_ body: (String, LogLine) throws(BatchError) -> Void) throws(BatchError) {
        for number in try numbers().sorted(by: >) {
            open(number)
            try readToEnd(body)
        }
    }

    /// The files that there are; 0 is the one that is written to.
    private func numbers() throws(BatchError) -> [Int] {
        try FolderText.names(in: folder).compactMap { name in
            if name == LogFile.name { return 0 }
            return name.hasPrefix(LogFile.name + ".") ? Int(name.dropFirst(LogFile.name.count + 1)) : nil
        }
    }

    /// From one file to the next: several may have been filled since the last look.
    private func readOn(_ show: (String, LogLine) throws(BatchError) -> Void) throws(BatchError) {
        while true {
            let place = try place()
            // A process may append to a file after it was renamed.
            try readToEnd(show)
            if place == 0 { return }
            // A file that has gone meanwhile was older than any that there is.
            let oldest = try numbers().max()
            guard let next = place.map({ $0 - 1 }) ?? oldest else { return }
            let last = descriptor
            descriptor = -1
            open(next)
            if let place, let now = try self.place(of: last), now != place {
                end()
                descriptor = last
                continue
            }
            if last >= 0 { close(last) }
            if descriptor < 0 { return }
        }
    }

    /// The number of the file that is open; nil when it has none any more.
    private func place() throws(BatchError) -> Int? { try place(of: descriptor) }

    private func place(of descriptor: Int32) throws(BatchError) -> Int? {
        var own = stat()
        guard descriptor >= 0, fstat(descriptor, &own) == 0 else { return nil }
        for number in try numbers() {
            var facts: [Int] = [0, 0, 0, 0]
            if clinux_file_facts(path(number), &facts) == 1, Int(own.st_ino) == facts[1], Int(own.st_dev) == facts[0] {
                return number
            }
        }
        return nil
    }

    private func path(_ number: Int) -> String { number == 0 ? path : "\(path).\(number)" }

    private func open(_ number: Int) {
        end()
        descriptor = Glibc.open(path(number), O_RDONLY | O_CLOEXEC)
    }

    private func end() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        rest = []
    }

    private func readToEnd(_ body: (String, LogLine) throws(BatchError) -> Void) throws(BatchError) {
        guard descriptor >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            rest += buffer[..<count]
            let lines = rest.split(separator: 10, omittingEmptySubsequences: false)
            for bytes in lines.dropLast() {
                let text = String(decoding: bytes, as: UTF8.self)
                guard let line = LogLine(text: text), request.wants(line) else { continue }
                try body(text, line)
            }
            rest = Array(lines.last ?? [])
        }
    }
}
