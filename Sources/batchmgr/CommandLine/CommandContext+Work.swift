public import BatchCatalog
public import BatchCore
public import BatchEngine
internal import Glibc

extension CommandContext {
    /// The database, opened to be worked on: signals stop the work at a checkpoint, and progress is shown.
    public func session() throws(BatchError) -> Session { try session(try workspace()) }

    public func session(_ workspace: Workspace) throws(BatchError) -> Session {
        try Session(workspace, tenant: globals.tenant, context: workContext())
    }

    /// For work that signals stop at a checkpoint.
    public func workContext() -> Context {
        StopSignal.install()
        var context = work
        context.stopWish = { StopSignal.isAborting ? .now : StopSignal.isRequested ? .atCheckpoint : .goOn }
        let progress = ProgressLine(ProgressBar(terminal))
        context.progress = { progress.show($0) }
        return context
    }
}

/// Hands progress to the bar. Steps report from the one thread that runs the batch.
private final class ProgressLine: @unchecked Sendable {
    private let bar: ProgressBar

    init(_ bar: ProgressBar) { self.bar = bar }

    func show(_ progress: StepProgress) {
        bar.update("\(progress.batch) \(progress.step)", done: progress.done, total: progress.total)
        if progress.done >= progress.total ?? .max { bar.clear() }
    }
}
