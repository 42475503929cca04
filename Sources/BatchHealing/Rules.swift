public import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine

/// The rules of a workspace, held against recorded streams and against what happens now.
public struct Rules {
    private let rules: [RuleDefinition]
    private let session: Session

    /// - Throws: `ERR_UX_INVALID_CATALOG`.
    public init(_ session: Session) throws(BatchError) {
        self.session = session
        let board = try session.context.store(of: session.workspace).switches()
        let now = session.context.now()
        rules = try RuleList.load(folder: session.workspace.catalog).valid().rules.map { $0.adjusted(board, at: now) }
    }

    public func list() -> RuleReport { RuleReport(rules: rules) }

    // MARK: A recorded stream

    /// What fires in a recorded stream: a JSON object in each line. Nothing follows.
    /// - Throws: `ERR_UX_USAGE` with the line that is none.
    public func test(_ stream: String, rule name: String? = nil) throws(BatchError) -> RuleReport {
        let wanted = try name.map { (name) throws(BatchError) in [try rule(named: name)] } ?? rules
        var (judge, fired, events) = (RuleStream(wanted), [RuleFiring](), 0)
        for (number, line) in stream.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if !line.utf8.contains(where: { $0 > 32 }) { continue }
            guard let json = try? JSONParser.parse(String(line)), let event = RuleEvent(json) else {
                throw BatchError(
                    .usage, "line \(number + 1) of the stream is not an event",
                    hint:
                        "write one like {\"at\":\"2026-11-21T02:00:00.000Z\",\"kind\":\"error\",\"code\":\"ERR_DATA_SQL\"}"
                )
            }
            fired += judge.feed(event)
            events += 1
        }
        return RuleReport(rules: wanted, fired: fired, learning: judge.learning, events: events)
    }

    private func rule(named name: String) throws(BatchError) -> RuleDefinition {
        if let rule = rules.first(where: { $0.id == name }) { return rule }
        throw BatchError(
            .unknownName, "there is no rule '\(name)'\(Suggestion.clause(for: name, in: rules.map(\.id)))",
            hint: "see them: \(command: "rules list")")
    }

    /// What the rules say of all failures and jobs of the queue since; nothing follows.
    /// - Parameter since: nil: of the last day.
    public func replay(since: Timestamp?) throws(BatchError) -> RuleReport {
        let start = since ?? Timestamp(milliseconds: session.context.now().milliseconds - Rules.day)
        let past = PastEvents(session: session)
        let events = try (past.errors(since: start) + past.queue(since: start)).sorted { $0.at < $1.at }
        var (judge, fired) = (RuleStream(rules), [RuleFiring]())
        for event in events { fired += judge.feed(event) }
        return RuleReport(rules: rules, fired: fired, learning: judge.learning, events: events.count)
    }

    // MARK: Now

    /// Judges what happened lately, and does what the rules say about it.
    /// - Parameters:
    ///   - documents: only rules about documents.
    ///   - open: the database of a repair job that a rule names.
    public func check(
        documents: Bool = false, open: @escaping (JobDefinition, String?) throws(BatchError) -> Session
    ) throws(BatchError) -> RuleReport {
        let start = Timestamp(milliseconds: session.context.now().milliseconds - Rules.lately)
        let wanted = documents ? rules.filter { DocumentStep.events.contains($0.event) } : rules
        let events = try PastEvents(session: session).all(since: start, documents: documents).sorted { $0.at < $1.at }
        let bySignals = documents ? [] : wanted.filter { session.workspace.signals[$0.event] != nil }
        var (judge, fired) = (RuleStream(wanted.filter { !bySignals.contains($0) }), [RuleFiring]())
        for event in events { fired += judge.feed(event) }
        let signals = try judgeSignals(bySignals)
        fired += signals.fired
        let incidents = try Incidents(session)
        let followed = try follow(fired, incidents, open)
        // What events did that have left the window does not hold any more.
        let now = session.context.now().milliseconds
        let causes = Set(fired.filter { now - $0.at.milliseconds < $0.rule.window ?? 3_600_000 }.map(\.cause))
        for rule in wanted where DocumentStep.events.contains(rule.event) {
            let prefix = "rule:\(rule.id)"
            try incidents.closeQuiet { ($0 == prefix || $0.hasPrefix(prefix + ":")) && !causes.contains($0) }
        }
        return RuleReport(
            rules: wanted, fired: followed, learning: (judge.learning + signals.learning).sorted(),
            events: events.count + signals.events)
    }

    /// Rules over what the application says of itself: each hour that has ended is one event. What is usual needs those of
    /// weeks; only the last two are news.
    private func judgeSignals(
        _ rules: [RuleDefinition]
    ) throws(BatchError) -> (fired: [RuleFiring], learning: [String], events: Int) {
        if rules.isEmpty { return ([], [], 0) }
        let store = try session.context.store(of: session.workspace)
        let end = session.context.now().milliseconds / Rules.hour * Rules.hour
        var (fired, learning, events) = ([RuleFiring](), [String](), 0)
        for rule in rules {
            let hours = try store.signalHours(
                rule.event, from: Timestamp(milliseconds: end - Rules.memory), until: Timestamp(milliseconds: end),
                tenant: session.owner, byTenant: rule.by.contains("tenant"))
            var judge = RuleStream([rule])
            for hour in hours {
                let isMean = session.workspace.signals[rule.event] == .latency
                fired += judge.feed(
                    RuleEvent(
                        at: hour.endsAt, kind: rule.event, tenant: hour.tenant,
                        value: isMean ? hour.sum / Double(max(1, hour.count)) : hour.sum))
            }
            learning += judge.learning
            events += hours.count
        }
        return (fired.filter { $0.at.milliseconds > end - 2 * Rules.hour }, learning, events)
    }

    /// Does what rules say that have fired directly after a checkpoint.
    func follow(_ fired: [RuleFiring]) throws(BatchError) {
        _ = try follow(fired, try Incidents(session), nil)
    }

    /// Holds the rules that are judged at once against failures and refusals.
    func checkFailures() throws(BatchError) {
        let wanted = rules.filter { $0.occasion == .realtime && RuleEvent.failures.contains($0.event) }
        let start = Timestamp(milliseconds: session.context.now().milliseconds - Rules.lately)
        var (judge, fired) = (RuleStream(wanted), [RuleFiring]())
        let events = try PastEvents(session: session).errors(since: start).sorted { $0.at < $1.at }
        for event in events { fired += judge.feed(event) }
        try follow(fired)
    }

    /// - Parameter open: nil where no repair job may begin.
    /// - Returns: those of which nobody had heard yet.
    private func follow(
        _ fired: [RuleFiring], _ incidents: Incidents,
        _ open: ((JobDefinition, String?) throws(BatchError) -> Session)?
    ) throws(BatchError) -> [RuleFiring] {
        let told = try ToldFirings(session)
        var followed: [RuleFiring] = []
        for firing in fired {
            let now = session.context.now()
            let isDue =
                firing.rule.action == .notify ? told.isDue(firing, at: now) : try incidents.isDue(firing, at: now)
            guard isDue else { continue }
            if firing.rule.action == .notify {
                _ = session.deliver(.incident, ["rule": firing.json])
                try told.note(firing, at: now)
            } else {
                try follow(firing, incidents)
            }
            if let open { try repair(firing, incidents, open) }
            followed.append(firing)
        }
        return followed
    }

    /// Carries the repair job of a rule out. When nothing is wrong any more, the incident is closed.
    private func repair(
        _ firing: RuleFiring, _ incidents: Incidents,
        _ open: @escaping (JobDefinition, String?) throws(BatchError) -> Session
    ) throws(BatchError) {
        guard let name = firing.rule.repair else { return }
        let jobs = try session.workspace.loadCatalog(session.context.steps.rules()).jobs
        let job = try Repairs(jobs).job(named: name)
        var run = RepairRun(job, try ParameterValues(job, set: []), mode: .apply) { (tenant) throws(BatchError) in
            try open(job, tenant)
        }
        run.begunBy = "rule \(firing.rule.id)"
        let report = try run.perform(tenant: nil)
        guard !report.executions.isEmpty, report.executions.allSatisfy({ $0.outcome == .healed }) else { return }
        let batches = report.executions.compactMap { $0.run.map { "\($0.batch)" } }.joined(separator: ", ")
        try incidents.closeHealed(firing.cause, "healed by \(batches)")
    }

    private func follow(_ firing: RuleFiring, _ incidents: Incidents) throws(BatchError) {
        let rule = firing.rule
        let what = rule.description.isEmpty ? rule.id : rule.description
        try incidents.open(
            rule.faults, rule.severity, what, cause: firing.cause, tenant: firing.tenant, module: firing.module,
            batches: firing.batches, actions: Rules.actions(firing))
        guard [.block, .degrade].contains(rule.action) else { return }
        var context = session.context
        context.origin = .heal
        let reason = "rule \(rule.id): \(what)"
        if rule.action == .degrade {
            let modules = try ModuleList.load(folder: session.workspace.catalog).modules
            guard modules.contains(where: { !$0.isCritical }) else { return }
            _ = try Degradation(session.workspace, context: context).begin(module: nil, reason: reason)
        } else {
            let (name, value) = Rules.block(firing)
            _ = try SwitchSetting(session.workspace, context: context).set(
                SwitchRequest(name: name, value: value, reason: reason, duration: nil, mayBeUnknown: true))
        }
    }

    /// What holds back where it happened: the narrowest that is known.
    private static func block(_ firing: RuleFiring) -> (name: String, value: String) {
        if let module = firing.module { return ("module:\(module)", "off") }
        if let tenant = firing.tenant { return ("safe_mode:tenant:\(tenant)", "on") }
        return ("safe_mode", "on")
    }

    private static func actions(_ firing: RuleFiring) -> [Incident.Action] {
        var actions: [Incident.Action] = []
        if firing.rule.action == .block {
            let name = block(firing).name
            actions.append(
                .init(
                    level: 2, text: "release it when it is safe",
                    command: "switch undo \(name) --reason TEXT"))
        }
        if firing.rule.action == .degrade {
            actions.append(.init(level: 2, text: "end degraded mode", command: "degrade off --reason TEXT"))
        }
        for batch in firing.batches.suffix(3).reversed() {
            actions.append(.init(level: 1, text: "see what \(batch) did", command: "show \(batch)"))
        }
        actions.append(.init(level: 1, text: "see what happened", command: "audit list"))
        return actions
    }

    // MARK: Spans

    private static let day: Int64 = 86_400_000
    private static let hour: Int64 = 3_600_000
    /// Older events are not looked at.
    private static let lately = hour
    /// What is usual is known from so long before.
    private static let memory = 56 * day
}

extension Incidents {
    /// False for what an incident has told already, and while it is open and was heard of within the cooldown.
    func isDue(_ firing: RuleFiring, at now: Timestamp) throws(BatchError) -> Bool {
        guard let known = try list(IncidentFilter(cause: firing.cause, limit: 1)).incidents.first,
            let last = known.timeline.last(where: { $0.text.hasPrefix("again: ") }) ?? known.timeline.first
        else { return true }
        guard known.status != .closed else { return firing.at > (known.timeline.last?.at ?? last.at) }
        return firing.at > last.at && now.milliseconds - last.at.milliseconds >= firing.rule.cooldown
    }
}

/// When people were told of rules that only tell: `control.db` keeps it, so it survives a restart.
final class ToldFirings {
    private let store: any ControlStore
    /// Milliseconds, by cause.
    private var told: [String: Int64]

    init(_ session: Session) throws(BatchError) {
        store = try session.context.store(of: session.workspace)
        told = Dictionary(try store.figures(of: .ruleTold).map { ($0.label, $0.value) }) { $1 }
    }

    /// False for what happened before people were told last, and within the cooldown.
    func isDue(_ firing: RuleFiring, at now: Timestamp) -> Bool {
        guard let last = told[firing.cause] else { return true }
        return firing.at.milliseconds > last && now.milliseconds - last >= firing.rule.cooldown
    }

    func note(_ firing: RuleFiring, at now: Timestamp) throws(BatchError) {
        told[firing.cause] = now.milliseconds
        try store.set(.ruleTold, firing.cause, to: Int(now.milliseconds))
    }
}

/// The circuits of a workspace, as people see and move them.
public struct Circuits {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    /// Those of the catalog, and any other that has ever moved.
    public func list() throws(BatchError) -> CircuitReport {
        let known = try context.store(of: workspace).circuits()
        let now = context.now()
        let fresh = try CircuitList.load(folder: workspace.catalog).circuits.filter { circuit in
            !known.contains { $0.name == circuit.name }
        }
        return CircuitReport(
            circuits: (known + fresh.map { Circuit(name: $0.name, at: now) }).sorted { $0.name < $1.name })
    }

    public func open(_ name: String, reason: String) throws(BatchError) -> CircuitReport {
        let now = context.now()
        return try move(name) { $0.open(because: reason, at: now) }
    }

    public func close(_ name: String) throws(BatchError) -> CircuitReport {
        let now = context.now()
        return try move(name) { $0.close(at: now) }
    }

    private func move(_ name: String, _ body: (inout Circuit) -> Void) throws(BatchError) -> CircuitReport {
        let names = try list().circuits.map(\.name)
        guard names.contains(name) else {
            throw BatchError(
                .unknownName, "there is no circuit '\(name)'\(Suggestion.clause(for: name, in: names))",
                hint: "see them: \(command: "circuit list"); they are in catalog/circuits.yaml")
        }
        context.notes.describe("circuit", .string(name))
        let moved = try context.store(of: workspace).circuit(name, at: context.now()) { circuit -> Circuit in
            body(&circuit)
            return circuit
        }
        return CircuitReport(circuits: [moved])
    }
}
