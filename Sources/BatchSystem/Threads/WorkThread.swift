internal import CLinux
internal import Glibc

/// Does pieces of work one after another on a thread of its own, which begins with the first of them.
///
/// Not a dispatch queue: those do not survive fork(), and a host of the extension may fork at any time. A process that
/// was forked while work was waiting has no such thread; there the work is given up, and nobody waits for it.
///
/// Unchecked: everything that is shared is behind the mutex.
public final class WorkThread: @unchecked Sendable {
    /// Shared with the thread, which may outlive the last owner by a moment.
    private final class Shared: @unchecked Sendable {
        let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        var waiting: [@Sendable () -> Void] = []
        var isBusy = false
        var isEnding = false

        init() {
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(changed, nil)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            pthread_cond_destroy(changed)
            mutex.deallocate()
            changed.deallocate()
        }

        /// Whoever drops the last piece of work drops its owner too: not under the mutex.
        func work() { while let next = take() { next() } }

        /// Waits for the next piece; nil at the end.
        private func take() -> (@Sendable () -> Void)? {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            isBusy = false
            pthread_cond_broadcast(changed)
            while waiting.isEmpty {
                if isEnding { return nil }
                pthread_cond_wait(changed, mutex)
            }
            isBusy = true
            return waiting.removeFirst()
        }
    }

    private var shared = Shared()
    private let mostWaiting: Int
    private var thread: pthread_t?
    /// The process that has the thread.
    private var process: pid_t = 0

    /// - Parameter mostWaiting: pieces that may wait; whoever adds another one waits himself.
    public init(mostWaiting: Int) { self.mostWaiting = mostWaiting }

    deinit { end() }

    public func add(_ work: @escaping @Sendable () -> Void) {
        forgetForeignThread()
        if thread == nil { start() }
        // No thread can be had: the work is done nevertheless.
        guard thread != nil else { return work() }
        pthread_mutex_lock(shared.mutex)
        while shared.waiting.count >= mostWaiting { pthread_cond_wait(shared.changed, shared.mutex) }
        shared.waiting.append(work)
        pthread_cond_broadcast(shared.changed)
        pthread_mutex_unlock(shared.mutex)
    }

    /// Returns when all work is done.
    public func wait() {
        forgetForeignThread()
        guard thread != nil else { return }
        pthread_mutex_lock(shared.mutex)
        while shared.isBusy || !shared.waiting.isEmpty { pthread_cond_wait(shared.changed, shared.mutex) }
        pthread_mutex_unlock(shared.mutex)
    }

    private func end() {
        forgetForeignThread()
        guard let thread else { return }
        pthread_mutex_lock(shared.mutex)
        shared.isEnding = true
        pthread_cond_broadcast(shared.changed)
        pthread_mutex_unlock(shared.mutex)
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
        self.thread = nil
    }

    /// What a fork left: the mutex may be locked by a thread that is not here.
    private func forgetForeignThread() {
        guard thread != nil, process != getpid() else { return }
        thread = nil
        shared = Shared()
    }

    private func start() {
        // Signals are for the threads of the host.
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var made = pthread_t()
        let context = Unmanaged.passRetained(shared)
        let code = pthread_create(
            &made, nil,
            { context in
                if let context { Unmanaged<Shared>.fromOpaque(context).takeRetainedValue().work() }
                return nil
            }, context.toOpaque())
        if code == 0 {
            thread = made
            process = getpid()
        } else {
            context.release()
        }
    }
}
