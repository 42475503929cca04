public import BatchCore

/// The rules of a catalog: `rules.yaml`.
public struct RuleList: Sendable {
    /// In the order of the file.
    public let rules: [RuleDefinition]
    public let mistakes: [Diagnostic]

    /// - Parameter folder: of the catalog; nil where there is none.
    /// - Throws: `ERR_INTEGRATION_FILE` when the file cannot be read.
    public static func load(folder: String?) throws(BatchError) -> RuleList {
        guard let folder else { return RuleList(rules: [], mistakes: []) }
        let file = try HealingFile(folder: folder, stem: "rules", keys) { entry, source in check(entry.value, &source) }
        return RuleList(rules: file.entries.compactMap(rule), mistakes: file.source.diagnostics)
    }

    /// Those that are judged directly after each checkpoint.
    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of the file.
    public static func realtime(in folder: String?) throws(BatchError) -> [RuleDefinition] {
        guard let folder else { return [] }
        // Most catalogs have none, and need not be understood for it.
        let word = RuleDefinition.Occasion.realtime.rawValue
        let isNamed = ["rules.yaml", "rules.yml"].contains { name in
            let path = FolderText.join(folder, name)
            guard FolderText.exists(path) else { return false }
            guard case .text(let text)? = try? FolderText.read(path, limit: YAMLDocument.largestSize) else {
                return true
            }
            return text.contains(word)
        }
        return isNamed ? try load(folder: folder).valid().rules.filter { $0.occasion == .realtime } : []
    }

    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of the file.
    public func valid() throws(BatchError) -> RuleList {
        let hint: Hint = "correct them, then: \(command: "catalog validate")"
        if let error = Diagnostic.error(mistakes, .invalidCatalog, hint: hint) { throw error }
        return self
    }

    private static func check(_ node: YAMLNode, _ source: inout SourceText) {
        guard let judgement: RuleDefinition.Judgement = JobNodes.choice(node["judge"]) else { return }
        if [.count, .share, .rising].contains(judgement), node["window"] == nil {
            source.report(node, "judge: \(judgement.rawValue) needs 'window', e.g. window: 15m")
        }
        checkOccasion(node, judgement, &source)
        if let bounds = node["bounds"], bounds.elements.compactMap(\.number).count != 2 {
            source.report(bounds, "bounds: write two numbers, e.g. [1, 100]")
        } else if let bounds = node["bounds"]?.elements.compactMap(\.number), bounds[0] > bounds[1] {
            source.report(node, "bounds: the first number is the smaller one")
        }
    }

    private static func checkOccasion(
        _ node: YAMLNode, _ judgement: RuleDefinition.Judgement, _ source: inout SourceText
    ) {
        let occasion: RuleDefinition.Occasion = JobNodes.choice(node["when"]) ?? .check
        let event = node["event"]?.text ?? ""
        let events = RuleDefinition.Occasion.events
        switch occasion {
        case .check:
            if event == "checkpoint" { source.report(node, "event: checkpoint needs 'when: realtime'") }
        case .realtime:
            if !events.contains(event) {
                source.report(node, "when: realtime is for the events \(events.joined(separator: ", "))")
            }
            if judgement.isDynamic {
                source.report(
                    node, "when: realtime does not know what is usual, so judge: \(judgement.rawValue) cannot")
            }
            if let repair = node["repair"] {
                source.report(repair, "repair: a repair job is a batch, and does not begin within another one")
            }
        }
    }

    private static func rule(_ entry: YAMLNode.Entry) -> RuleDefinition? {
        let node = entry.value
        guard let judgement: RuleDefinition.Judgement = JobNodes.choice(node["judge"]), let event = node["event"]?.text
        else { return nil }
        let bounds = node["bounds"]?.elements.compactMap(\.number)
        func span(_ key: String) -> Int64? { node[key]?.text.flatMap(Duration.init(text:))?.wholeMilliseconds }
        var rule = RuleDefinition(
            id: entry.key, description: node["description"]?.text ?? "", judgement: judgement, event: event,
            by: JobNodes.texts(node["by"]) ?? [], window: span("window"), threshold: node["threshold"]?.number ?? 1,
            bounds: bounds.map { $0[0]...$0[1] }, least: node["least"]?.json.integer.map { Int($0) } ?? 1,
            good: node["good"]?.number ?? 0, side: JobNodes.choice(node["side"]) ?? .high,
            faults: JobNodes.choice(node["class"]) ?? .performance,
            severity: JobNodes.choice(node["severity"]) ?? .error,
            action: JobNodes.choice(node["action"]) ?? .incident)
        rule.cooldown = span("cooldown") ?? rule.cooldown
        rule.repair = node["repair"]?.text
        rule.occasion = JobNodes.choice(node["when"]) ?? .check
        return rule
    }

    private static func words<Choice: RawRepresentable<String> & CaseIterable>(_: Choice.Type) -> ValueShape {
        .choice(Choice.allCases.map(\.rawValue))
    }

    private static let keys = KeyTable(
        "a rule",
        [
            KeyRule("description", .text(.any), "One line for people."),
            KeyRule("event", .text(.jobName), required: true, "The kind of events that it judges."),
            KeyRule("judge", words(RuleDefinition.Judgement.self), required: true, "How they are judged."),
            KeyRule("by", .list(.choice(["module", "tenant", "code"]), mayBeEmpty: true), "Each of these separately."),
            KeyRule("window", .text(.duration), "The time that counts."),
            KeyRule("threshold", .number(0...1_000_000_000), "The value from which on it fires (`1`)."),
            KeyRule("bounds", .list(.number(0...1_000_000_000), mayBeEmpty: false), "What a switch may set it to."),
            KeyRule("least", .integer(1...1_000_000), "At least this many bad ones (`1`)."),
            KeyRule("good", .number(-1_000_000_000...1_000_000_000), "Values up to this one are good (`0`)."),
            KeyRule("side", words(RuleDefinition.Side.self), "Which values are bad (`high`)."),
            KeyRule("class", .choice(RepairDefinition.classes.map(\.rawValue)), "What it is about (`PERF`)."),
            KeyRule("severity", words(ContractDefinition.Severity.self), "How bad it is (`error`)."),
            KeyRule("cooldown", .text(.duration), "How long it is silent after it fired (`15m`)."),
            KeyRule("action", words(RuleDefinition.Action.self), "What happens then (`incident`)."),
            KeyRule("repair", .text(.jobName), "The repair job that is carried out when it fires."),
            KeyRule("when", words(RuleDefinition.Occasion.self), "`realtime`: also after each checkpoint (`check`)."),
        ])
}

/// The circuits of a catalog: `circuits.yaml`.
public struct CircuitList: Sendable {
    public let circuits: [CircuitDefinition]
    public let mistakes: [Diagnostic]

    /// - Parameter folder: of the catalog; nil where there is none.
    /// - Throws: `ERR_INTEGRATION_FILE` when the file cannot be read.
    public static func load(folder: String?) throws(BatchError) -> CircuitList {
        guard let folder else { return CircuitList(circuits: [], mistakes: []) }
        let file = try HealingFile(folder: folder, stem: "circuits", keys)
        return CircuitList(circuits: file.entries.map(circuit), mistakes: file.source.diagnostics)
    }

    private static func circuit(_ entry: YAMLNode.Entry) -> CircuitDefinition {
        let node = entry.value
        var limits = Circuit.Limits()
        func span(_ key: String) -> Int64? { node[key]?.text.flatMap(Duration.init(text:))?.wholeMilliseconds }
        limits.inARow = node["failures"]?.json.integer.map { Int($0) } ?? limits.inARow
        limits.share = (node["percent"]?.number).map { $0 / 100 } ?? limits.share
        limits.window = node["calls"]?.json.integer.map { Int($0) } ?? limits.window
        limits.shortest = span("open") ?? limits.shortest
        limits.longest = max(span("longest") ?? limits.longest, limits.shortest)
        return CircuitDefinition(
            name: entry.key, program: node["program"]?.text, plugin: node["plugin"]?.text, limits: limits)
    }

    private static let keys = KeyTable(
        "a circuit",
        [
            KeyRule("description", .text(.any), "One line for people."),
            KeyRule("program", .text(.filled), "Steps `exec` that call this program go through it."),
            KeyRule("plugin", .text(.jobName), "Steps of this plugin go through it."),
            KeyRule("failures", .integer(1...1_000), "It opens after this many failures in a row (`5`)."),
            KeyRule("percent", .number(1...100), "It opens when this percentage of the last calls failed (`50`)."),
            KeyRule("calls", .integer(1...1_000), "How many last calls are counted (`20`)."),
            KeyRule("open", .text(.duration), "How long it stays open at first (`60s`)."),
            KeyRule("longest", .text(.duration), "The time doubles with each failed try, up to this (`15m`)."),
        ])
}
