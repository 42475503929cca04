internal import BatchCore
internal import BatchHistory
internal import CLinux
internal import Glibc
internal import Synchronization

/// `batchmgr.log`, written by several processes at once: one `write` for each line, at the end of the file.
///
/// A file that has grown too large becomes `batchmgr.log.1`, that one `.2`, and so on. Whoever still has it open writes
/// its line into the renamed file and finds the new one with the next.
final class LogFile: Sendable {
    static let name = "batchmgr.log"

    private struct State: Sendable {
        var descriptor: Int32 = -1
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

    deinit { state.withLock { if $0.descriptor >= 0 { close($0.descriptor) } } }

    private var path: String { "\(folder)/\(LogFile.name)" }

    /// Nothing is said of a line that cannot be written: the work does not depend on it.
    func append(_ line: String) {
        state.withLock { state in
            open(&state)
            guard state.descriptor >= 0 else { return }
            let bytes = Array(((state.isTorn ? "\n" : "") + line + "\n").utf8)
            let count = bytes.withUnsafeBytes { Glibc.write(state.descriptor, $0.baseAddress, $0.count) }
            state.isTorn = count > 0 ? count < bytes.count : state.isTorn
        }
    }

    /// Opens the file that bears the name now, and begins a new one when that is too large.
    private func open(_ state: inout State) {
        var facts: [Int] = [0, 0, 0, 0]
        if clinux_file_facts(path, &facts) == 1, facts[2] >= settings.maxSize {
            rotate()
            facts = [0, 0, 0, 0]
            _ = clinux_file_facts(path, &facts)
        }
        if state.descriptor >= 0 {
            var own = stat()
            if fstat(state.descriptor, &own) == 0, Int(own.st_ino) == facts[1], Int(own.st_dev) == facts[0] { return }
            close(state.descriptor)
        }
        try? Folder.create(folder)
        state.descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    }

    /// One process does it at a time; the others go on with the file that they have.
    private func rotate() {
        let lock = Glibc.open("\(folder)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { return }
        defer { close(lock) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { return }
        var facts: [Int] = [0, 0, 0, 0]
        // Another process may have done it meanwhile.
        guard clinux_file_facts(path, &facts) == 1, facts[2] >= settings.maxSize else { return }
        if settings.keep == 0 {
            unlink(path)
            return
        }
        for number in stride(from: settings.keep - 1, through: 1, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")
        }
        rename(path, "\(path).1")
    }
}
