public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchSystem

/// Tells people what they want to hear, when they want to hear it. What does not arrive is kept, and tried again by the
/// service.
public struct Notices {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    /// Never throws: the work does not depend on it.
    /// - Parameters:
    ///   - rules: of the job, beside those of the workspace.
    ///   - inARow: how often the job has failed without a success between: this failure, or those before a success.
    /// - Returns: what did not arrive at once.
    @discardableResult
    public func tell(
        _ event: Notifier.Event, rules: [NotificationRule] = [], inARow: () -> Int = { 1 }
    ) -> [Notifier.Failure] {
        let wanted = wanted(event, rules)
        guard !wanted.isEmpty else { return [] }
        var failures: [Notifier.Failure] = []
        var failed: Int?
        for rule in wanted {
            if event.kind == .recovered || (event.kind == .failed && rule.after > 1) {
                failed = failed ?? inARow()
                guard (failed ?? 0) >= rule.after else { continue }
            }
            guard let target = rule.target(in: workspace), !isKept(event, rule, target) else { continue }
            for failure in notifier(target).notify(event) {
                failures.append(failure)
                keep(rule, target, event, until: context.now(), .failed(failure.error.message))
            }
        }
        return failures
    }

    /// For whoever keeps the time, and waits for no receiver: it is kept, and the service sends it within seconds.
    public func post(_ event: Notifier.Event, rules: [NotificationRule] = []) {
        for rule in wanted(event, rules) {
            guard let target = rule.target(in: workspace), !isKept(event, rule, target) else { continue }
            keep(rule, target, event, until: context.now(), .posted)
        }
    }

    private func wanted(_ event: Notifier.Event, _ rules: [NotificationRule]) -> [NotificationRule] {
        let wanted = (workspace.notify + rules).filter { rule in
            rule.events.contains { $0.rawValue == event.kind.rawValue }
        }
        return wanted.isEmpty || isSnoozed(event) ? [] : wanted
    }

    /// What is told later: when quiet hours end, or by the service, when a receiver that has just failed may be there again.
    /// Else each job that fails would wait for it anew.
    private func isKept(_ event: Notifier.Event, _ rule: NotificationRule, _ target: Notifier.Target) -> Bool {
        let now = context.now()
        if event.kind == .damaged { return false }
        if let end = rule.quiet?.end(at: now, context.zone) {
            return keep(rule, target, event, until: end, .quiet)
        }
        guard let failure = lastFailure(of: rule, at: now) else { return false }
        let then = Timestamp(milliseconds: failure.at.milliseconds + Notice.pause)
        return keep(rule, target, event, until: then, .behind(failure.reason))
    }

    /// Of the last minute.
    private func lastFailure(of rule: NotificationRule, at now: Timestamp) -> (at: Timestamp, reason: String)? {
        guard workspace.hasRecords, let store = try? context.store(of: workspace),
            (try? store.service())?.isRunning(at: now) == true
        else { return nil }
        let failed = (try? store.failedNotices(of: rule.id, dueAfter: now)) ?? []
        let last = failed.max { $0.failedAt < $1.failedAt }
        guard let last, last.failedAt <= now, now.milliseconds - last.failedAt.milliseconds < Notice.pause else {
            return nil
        }
        return (last.failedAt, last.reason)
    }

    private func notifier(_ target: Notifier.Target) -> Notifier {
        Notifier([target], folder: workspace.folder, clock: context.clock)
    }

    private func isSnoozed(_ event: Notifier.Event) -> Bool {
        guard event.kind != .damaged, workspace.hasRecords else { return false }
        let snoozes = (try? context.store(of: workspace).snoozes(at: context.now())) ?? []
        return snoozes.contains { $0.job == nil || $0.job == event.job }
    }

    /// Why something is told later.
    private enum Delay {
        case quiet
        case posted
        case failed(String)
        /// Others could not be told just now.
        case behind(String)
    }

    /// - Returns: false when there is nothing to keep it in.
    @discardableResult
    private func keep(
        _ rule: NotificationRule, _ target: Notifier.Target, _ event: Notifier.Event, until time: Timestamp,
        _ delay: Delay
    ) -> Bool {
        guard workspace.hasRecords else { return false }
        var notice = Notice(
            rule: rule.id, target: target.name, event: event.kind.rawValue,
            document: JSONWriter.text(event.document), createdAt: context.now(), nextAt: time, reason: "it is quiet")
        switch delay {
        case .quiet: break
        case .posted: notice.reason = "its turn comes"
        case .failed(let reason): notice.fail(reason, at: context.now())
        case .behind(let reason): notice.reason = reason
        }
        do throws(BatchError) {
            try context.store(of: workspace).add(notice)
            return true
        } catch {
            context.log.write(
                .error, "notify.lost", "a notice could not be stored: \(error.logMessage)", module: .command,
                error: error
            )
            return false
        }
    }

    // MARK: Later

    /// Sends what is due. A service does it from time to time.
    /// - Parameter isForced: what is dead too, and what waits for its time.
    public func sendDue(isForced: Bool = false, limit: Int = 20) throws(BatchError) -> NoticeRedriveReport {
        let store = try context.store(of: workspace)
        let due = try isForced ? store.notices() : store.dueNotices(at: context.now(), limit: limit)
        if due.isEmpty { return NoticeRedriveReport(sent: 0, left: 0) }
        let rules = Dictionary(try self.rules().map { ($0.id, $0) }) { first, _ in first }
        var sent = 0
        var failing: Set<String> = []
        for var notice in due {
            // Nobody else waits while the same receiver fails again and again.
            if !isForced, failing.contains(notice.rule) {
                notice.nextAt = Timestamp(milliseconds: context.now().milliseconds + Notice.pause)
                try store.settle(notice.number, notice)
                continue
            }
            do throws(BatchError) {
                guard let target = rules[notice.rule]?.target(in: workspace) else {
                    notice.fail("nobody is notified there any more", at: context.now())
                    notice.state = .dead
                    try store.settle(notice.number, notice)
                    continue
                }
                try notifier(target).send(notice.document + "\n", to: target)
                try store.settle(notice.number, nil)
                sent += 1
            } catch {
                failing.insert(notice.rule)
                notice.state = .waiting
                notice.fail(error.message, at: context.now())
                try store.settle(notice.number, notice)
            }
        }
        return NoticeRedriveReport(sent: sent, left: due.count - sent)
    }

    private func rules() throws(BatchError) -> [NotificationRule] {
        let catalog = try? workspace.loadCatalog(StepRegistry.builtIn.rules())
        return workspace.notify + (catalog?.jobs.flatMap(\.notify) ?? [])
    }

    public func list() throws(BatchError) -> NoticeListReport {
        let store = try context.store(of: workspace)
        return NoticeListReport(notices: try store.notices(), snoozes: try store.snoozes(at: context.now()))
    }

    /// - Parameters:
    ///   - job: nil for all.
    ///   - span: nil ends it.
    public func snooze(_ job: String?, for span: Duration?) throws(BatchError) -> SnoozeReport {
        let until = span.map { Timestamp(milliseconds: context.now().milliseconds + $0.wholeMilliseconds) }
        try context.store(of: workspace).snooze(
            job, until: until, context.act(context.action(or: "notify snooze")))
        return SnoozeReport(snooze: until.map { Snooze(job: job, until: $0, actor: context.actor) })
    }
}

extension NotificationRule {
    /// The same for two rules that lead to the same place.
    fileprivate var id: String {
        let text =
            switch channel {
            case .command(let arguments): JSONWriter.text(.array(arguments.map(JSONValue.string)))
            case .webhook(let address): address
            }
        let hash = SHA256()
        Array(text.utf8).withUnsafeBytes { hash.update($0) }
        return String(Hex.string(hash.finish()).prefix(16))
    }

    /// Nil when it leads nowhere; a webhook whose secret cannot be read is not sent unsigned.
    func target(in workspace: Workspace) -> Notifier.Target? {
        let way: Notifier.Target.Way =
            switch channel {
            case .command(let arguments): .command(arguments)
            case .webhook(let address): .webhook(address)
            }
        var target = try? Notifier.Target(
            way, events: Set(events),
            timeout: timeout.milliseconds)
        target?.secretFile = secretFile.map { FolderText.join(workspace.folder, $0) }
        return target
    }
}

extension DayWindow {
    /// When it ends, if the time is in it.
    fileprivate func end(at now: Timestamp, _ zone: LocalZone) -> Timestamp? {
        var civil = zone.civil(now)
        guard contains(second: Int64(civil.second)) else { return nil }
        let isTomorrow = end == 1_440 || (start > end && civil.second >= start * 60)
        if isTomorrow { civil.day += 1 }
        civil.second = end == 1_440 ? 0 : end * 60
        return zone.moment(civil)
    }
}
