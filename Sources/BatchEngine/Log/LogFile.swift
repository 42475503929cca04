internal import BatchCore
internal import BatchSystem
internal import Synchronization

/// `batchmgr.log`, written by several processes at once: one `write` for each line, at the end of the file.
///
/// A file that has grown too large becomes `batchmgr.log.1`, that one `.2`, and so on. Whoever still has it open writes
/// its line into the renamed file and finds the new one with the next.
final class LogFile: Sendable {
    static let name = "batchmgr.log"

    private struct State: ~Copyable {
        var file: File?
        /// The disk was full half-way through a line.
        var isTorn = false
    }

    private let folder: String
    private let settings: LogSettings
    private let state = Mutex(State())

    init(folder: String, settings: LogSettings) {
        self.folder = folder
        self.settings = settings
    }

    private var path: String { "\(folder)/\(LogFile.name)" }

    /// Nothing is said of a line that cannot be written: the work does not depend on it.
    func append(_ line: String) {
        state.withLock { state in
            open(&state)
            let text = (state.isTorn ? "\n" : "") + line + "\n"
            state.isTorn = (try? state.file?.write(Array(text.utf8))) == nil
        }
    }

    /// Opens the file that bears the name now, and begins a new one when that is too large.
    private func open(_ state: inout State) {
        if let size = FileStatus(path)?.size, size >= settings.maxSize { rotate() }
        if let status = state.file?.status, FileStatus(path)?.isSameFile(as: status) == true { return }
        try? Folder.create(folder)
        state.file = try? File(appendingTo: path)
    }

    /// One process does it at a time; the others go on with the file that they have.
    private func rotate() {
        guard let lock = try? File(appendingTo: "\(folder)/.lock"), lock.tryLock(),
            // Another process may have done it meanwhile.
            let size = FileStatus(path)?.size, size >= settings.maxSize
        else { return }
        if settings.keep == 0 { return Folder.remove(path) }
        for number in stride(from: settings.keep - 1, through: 1, by: -1) {
            try? DurableFile.rename("\(path).\(number)", to: "\(path).\(number + 1)")
        }
        try? DurableFile.rename(path, to: "\(path).1")
    }
}
