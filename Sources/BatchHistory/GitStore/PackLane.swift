internal import BatchCore
internal import Glibc

/// Deflates one batch on a thread of its own while the next one is gathered.
///
/// The thread is the only user of the stream until `wait` returns, and the batch belongs to it.
final class PackLane: @unchecked Sendable {
    private let stream: PackStream
    private let batch: PackBatch
    private var failure: BatchError?
    private var thread = pthread_t()
    private var isRunning = false

    init(_ stream: PackStream, _ batch: PackBatch) {
        self.stream = stream
        self.batch = batch
        let me = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<PackLane>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, me.toOpaque())
        isRunning = code == 0
        if !isRunning {
            // No thread to be had: it is done here.
            me.release()
            run()
        }
    }

    private func run() {
        do { try stream.append(batch) } catch { failure = error }
    }

    /// Returns when the batch is in the stream. To be called exactly once.
    func wait() throws(BatchError) {
        if isRunning { pthread_join(thread, nil) }
        if let failure { throw failure }
    }
}
