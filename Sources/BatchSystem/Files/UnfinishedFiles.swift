internal import BatchCore
public import Glibc
internal import Synchronization

/// The temporary files and folders of this process, for one that is to end in the middle of its work: they are removed
/// first, and no other thread makes new ones or publishes any meanwhile.
///
/// Only a process that asks for it keeps the list. A host of the extension does not: it may fork at any time.
public enum UnfinishedFiles {
    private struct State {
        var isWatched = false
        var paths: Set<String> = []
        /// The one thread that may still write.
        var last: pthread_t?
        /// Those that wait for the end.
        var waiting: [pthread_t] = []
        var mayWrite: Bool { last.map { pthread_equal($0, pthread_self()) != 0 } ?? true }
    }

    private static let state = Mutex(State())
    /// Looked at for each row that is read or written: a lock would be felt.
    private static let mayBeEnding = Atomic<Bool>(false)

    /// From now on the list is kept.
    public static func watch() { state.withLock { $0.isWatched = true } }

    /// Also for a file that has its name, and is of no use unless the work is done.
    public static func add(_ path: String) {
        waitIfEnding()
        state.withLock { if $0.isWatched { $0.paths.insert(path) } }
    }

    /// Makes a file or folder and lists it in one step: a process that ends between the two would leave it for ever.
    static func make<Made: ~Copyable>(_ path: String, _ make: () throws(BatchError) -> Made) throws(BatchError) -> Made
    {
        while true {
            var made: Made?
            try state.withLock { (state) throws(BatchError) in
                guard state.mayWrite else { return }
                made = try make()
                if state.isWatched { state.paths.insert(path) }
            }
            if let made = made.take() { return made }
            waitIfEnding()
        }
    }

    public static func forget(_ path: String) { state.withLock { _ = $0.paths.remove(path) } }

    /// Gives a file its name, unless the process is ending: then the caller waits for that.
    static func publish(_ path: String, _ rename: () throws(BatchError) -> Void) throws(BatchError) {
        let isDone = try state.withLock { (state) throws(BatchError) in
            guard state.mayWrite else { return false }
            try rename()
            state.paths.remove(path)
            return true
        }
        if !isDone { waitIfEnding() }
    }

    /// Only the calling thread works on.
    public static func end() {
        state.withLock { $0.last = pthread_self() }
        mayBeEnding.store(true, ordering: .relaxed)
    }

    /// Removes what is unfinished, with what SQLite has put beside it.
    public static func removeAll() {
        for path in state.withLock(\.paths) {
            if FileStatus(path, followingLinks: false)?.isFolder == true {
                try? Folder.removeAll(path)
            } else {
                for ending in TemporaryName.endings { Folder.remove(path + ending) }
            }
        }
    }

    /// True in a process that is ending, but for the thread that ends it.
    public static var isEnding: Bool { mayBeEnding.load(ordering: .relaxed) && !state.withLock(\.mayWrite) }

    /// Does not return in a process that is ending, but for the thread that ends it.
    public static func waitIfEnding() {
        if isEnding { waitForEver() }
    }

    /// The thread that ends the process may do what is left to do with what belongs to the calling one.
    public static func waitForEver() -> Never {
        state.withLock { $0.waiting.append(pthread_self()) }
        while true { pause() }
    }

    /// Whether a thread has come to where it waits for the end.
    public static func isWaiting(_ thread: pthread_t) -> Bool {
        state.withLock { $0.waiting.contains { pthread_equal($0, thread) != 0 } }
    }
}
