public import BatchCatalog
public import BatchCore
internal import BatchSystem

/// Reads the log of a workspace, through all its files, and goes on with what is appended.
public final class LogReader {
    private let folder: String
    private let request: Request
    private var file: File?
    /// The part of a line that has no end yet.
    private var rest: [UInt8] = []

    public init(_ workspace: Workspace, _ request: Request) {
        folder = workspace.backups + "/logs"
        self.request = request
    }

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
            let status = file?.status
            let last = file.take()
            open(next)
            if let place, let now = try self.place(of: status), now != place {
                end()
                file = last
                continue
            }
            if file == nil { return }
        }
    }

    /// The number of the file that is open; nil when it has none any more.
    private func place() throws(BatchError) -> Int? { try place(of: file?.status) }

    private func place(of own: FileStatus?) throws(BatchError) -> Int? {
        guard let own else { return nil }
        return try numbers().first { FileStatus(path($0))?.isSameFile(as: own) == true }
    }

    private func path(_ number: Int) -> String { number == 0 ? path : "\(path).\(number)" }

    private func open(_ number: Int) {
        end()
        file = try? File(reading: path(number))
    }

    private func end() {
        file = nil
        rest = []
    }

    private func readToEnd(_ body: (String, LogLine) throws(BatchError) -> Void) throws(BatchError) {
        while let bytes = try file?.read(1 << 16), !bytes.isEmpty {
            rest += bytes
            let lines = rest.split(separator: 10, omittingEmptySubsequences: false)
            for bytes in lines.dropLast() {
                let text = String(decoding: bytes, as: UTF8.self)
                guard let line = LogLine(text: text), request.wants(line) else { continue }
                try body(text, line)
            }
            rest = Array(lines.last ?? [])
        }
    }

    /// `logs`
    public struct Request: Hashable, Sendable {
        public let follows: Bool
        public let traceID: String?
        /// Only lines about batches of this one.
        public let job: String?
        public let tenant: String?
        public let level: LogLevel
        /// The last ones, this many; nil for all.
        public let count: Int?

        public init(
            follows: Bool = false, traceID: String? = nil, job: String? = nil, tenant: String? = nil,
            level: LogLevel = .debug, count: Int? = nil
        ) {
            self.follows = follows
            self.traceID = traceID
            self.job = job
            self.tenant = tenant
            self.level = level
            self.count = count
        }

        public func wants(_ line: LogLine) -> Bool {
            line.level >= level && (traceID == nil || line.traceID == traceID)
                && (tenant == nil || line.tenant == tenant)
                && (job == nil || line.batch.flatMap { BatchID($0) }?.job == job)
        }
    }
}
