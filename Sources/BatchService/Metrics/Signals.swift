public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine

/// What the application says about itself: latencies, errors, usage, under names that `batchmgr.yaml` declares.
public struct Signals {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    /// Sums are kept so long.
    private static let memory: Duration = .seconds(400 * 86_400)

    /// - Throws: `ERR_UX_USAGE` for a name that is not declared, or a value that can be none.
    public func add(_ name: String, _ value: Double, tenant: String?) throws(BatchError) -> SignalReport {
        let kind = try check(name, value)
        try keep([(name, tenant, value)])
        return SignalReport(name: name, kind: kind, value: value)
    }

    /// Many at once: all of them, or none when one is wrong.
    public func add(
        _ values: [(name: String, value: Double)], tenant: String?
    ) throws(BatchError) -> SignalBulkReport {
        for (name, value) in values { _ = try check(name, value) }
        try keep(values.map { ($0.name, tenant, $0.value) })
        return SignalBulkReport(count: values.count)
    }

    private func check(_ name: String, _ value: Double) throws(BatchError) -> SignalKind {
        guard let kind = workspace.signals[name] else {
            let known = workspace.signals.keys.sorted()
            throw BatchError(
                .unknownName, "no signal '\(name)' is declared\(Suggestion.clause(for: name, in: known))",
                hint: "declare it in \(Workspace.fileName), e.g. signals: {\(known.first ?? "checkout"): latency}")
        }
        guard SignalSum.isValue(value) else {
            throw BatchError(
                .usage, "the value of signal '\(name)' is a number from 0 to 1e15", hint: "e.g. signal add \(name) 120")
        }
        return kind
    }

    /// Takes over what applications said by `batch_signal`, and forgets what is too old.
    func takeOver() throws(BatchError) {
        try SignalIntake(workspace, context: context).perform()
        try forget()
    }

    private func forget() throws(BatchError) {
        try context.store(of: workspace).forgetSignals(
            before: Timestamp(milliseconds: context.now().milliseconds - Signals.memory.wholeMilliseconds))
    }

    private func keep(_ values: [(name: String, tenant: String?, value: Double)]) throws(BatchError) {
        let (store, now) = (try context.store(of: workspace), context.now())
        try store.add(values, at: now)
        // It costs next to nothing when there is nothing to forget.
        if now.milliseconds / 60_000 % 60 == 0 { try forget() }
    }

    public func list(since time: Timestamp, tenant: String?) throws(BatchError) -> SignalListReport {
        try SignalIntake(workspace, context: context).perform()
        let sums = try context.store(of: workspace).signalSums(since: time, tenant: tenant)
        let entries = workspace.signals.sorted { $0.key < $1.key }.map { name, kind in
            SignalListReport.Entry(kind: kind, sum: sums.first { $0.name == name } ?? SignalSum(name))
        }
        return SignalListReport(since: time, signals: entries)
    }
}
