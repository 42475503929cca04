internal import BatchCore
internal import Dispatch

/// Beats for a lease while its owner works, from a connection of its own.
final class Heartbeat {
    private let timer: any DispatchSourceTimer

    init(folder: String, database: String, epoch: Int64, now: @escaping @Sendable () -> Timestamp) {
        let queue = DispatchQueue(label: "batchmgr.heartbeat")
        timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + 10, repeating: 10)
        timer.setEventHandler {
            // A beat that fails is no reason to fail the work: the next one may not.
            _ = try? OpenedControl().file(in: folder).beat(database, epoch: epoch, at: now())
        }
        timer.resume()
    }

    deinit { timer.cancel() }
}
