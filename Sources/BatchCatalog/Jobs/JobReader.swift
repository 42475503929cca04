public import BatchCore

/// Reads the text of one job file.
///
/// Reading goes on after a mistake, so that all of them are found at once; a definition comes out only when there
/// are none.
enum JobReader {
    /// What a file gives to the catalog, also when it holds mistakes.
    struct Outcome {
        let definition: JobDefinition?
        var source: SourceText
        /// Nil when there is none that could be read.
        let id: String?
        let idNode: YAMLNode?
        let needs: [YAMLNode]
    }

    /// - Parameter mapping: what `{concept.field}` stands for; nil for a text in which it has been filled in.
    static func read(
        text typed: String, file: String, _ rules: CatalogRules, _ mapping: Mapping? = nil
    ) -> Outcome {
        var source = SourceText(file: file, text: typed, code: .invalidCatalog)
        let (text, unknown) = mapping?.fill(typed) ?? (typed, [])
        source.report(unknown, in: typed, mapping)
        if let mapping { source.reportWritten(in: typed, mapping) }
        let root: YAMLNode
        do throws(YAMLNode.Fault) {
            root = try YAMLDocument.read(text, limit: rules.isPinned ? nil : YAMLDocument.largestSize)
        } catch {
            source.report(error)
            return Outcome(definition: nil, source: source, id: nil, idNode: nil, needs: [])
        }
        var check = ShapeValidation(source)
        check.check(root, .record(JobKeys.table(rules)), what: "a job")
        var meaning = MeaningValidation(check.source, rules)
        meaning.check(root)
        source = meaning.source
        let definition = source.diagnostics.isEmpty ? JobNodes.definition(root, text: text, rules) : nil
        return Outcome(
            definition: definition, source: source, id: root["id"]?.text, idNode: root["id"],
            needs: root["needs"]?.elements ?? [])
    }
}

/// Turns the checked tree of a job file into values. Nil never comes out of a tree in which nothing was wrong.
enum JobNodes {
    static func definition(_ job: YAMLNode, text: String, _ rules: CatalogRules) -> JobDefinition? {
        guard let id = job["id"]?.text, let version = job["version"]?.text.flatMap(SemanticVersion.init) else {
            return nil
        }
        var definition = JobDefinition(
            id: id, version: version, description: job["description"]?.text ?? "",
            tenant: choice(job["tenant"]) ?? .optional, level: job["level"]?.json.integer.map { Int($0) } ?? 0,
            sharedTables: texts(job["shared_tables"]) ?? [], limits: limits(job["limits"]),
            isCritical: job["critical"]?.json.bool ?? false, needs: texts(job["needs"]) ?? [],
            parameters: job["params"]?.entries.compactMap(parameter) ?? [],
            steps: job["steps"]?.elements.compactMap { step($0, rules) } ?? [], verify: texts(job["verify"]) ?? [],
            schedule: job["schedule"].flatMap(schedule), onFailure: choice(job["on_failure"]) ?? .stop,
            timeout: duration(job["timeout"]), notify: job["notify"]?.elements.compactMap(notification) ?? [],
            snapshot: choice(job["snapshot"]), text: text)
        definition.module = job["module"]?.text
        definition.uses = texts(job["uses"]) ?? []
        if let finds = job["finds"]?.text {
            definition.repair = RepairDefinition(
                faults: choice(job["class"]) ?? .data, finds: finds,
                isPlan: job["as_plan"]?.json.bool ?? false,
                needsDryRun: job["dry_run_first"]?.json.bool ?? false,
                isFlagOnly: job["flag_only"]?.json.bool ?? false)
        }
        definition.isIdempotent = job["idempotent"]?.json.bool ?? (definition.repair != nil)
        definition.database = job["database"]?.text
        return definition
    }

    static func limits(_ node: YAMLNode?) -> WriteLimits {
        WriteLimits(
            rows: node?["rows"]?.json.integer, tables: texts(node?["tables"]).map(Set.init),
            milliseconds: duration(node?["time"])?.wholeMilliseconds, deletedShare: node?["deleted_share"]?.number)
    }

    static func notification(_ node: YAMLNode) -> NotificationRule? {
        let command = texts(node["command"]).map(NotificationRule.Channel.command)
        let webhook = node["url"]?.text.map(NotificationRule.Channel.webhook)
        guard let channel = command ?? webhook else { return nil }
        var rule = NotificationRule(channel: channel)
        if let events = texts(node["events"]) { rule.events = events.compactMap(NotificationRule.Event.init) }
        if let timeout = duration(node["timeout"]) { rule.timeout = timeout }
        if let after = node["after"]?.json.integer { rule.after = Int(after) }
        rule.quiet = node["quiet"]?.text.flatMap(DayWindow.init)
        rule.secretFile = node["secret_file"]?.text
        return rule
    }

    static func choice<Choice: RawRepresentable<String>>(_ node: YAMLNode?) -> Choice? {
        node?.text.flatMap(Choice.init)
    }

    static func texts(_ node: YAMLNode?) -> [String]? { node.map { $0.elements.compactMap(\.text) } }

    private static func duration(_ node: YAMLNode?) -> Duration? { node?.text.flatMap(Duration.init(text:)) }

    private static func schedule(_ node: YAMLNode) -> ScheduleDefinition? {
        guard let cron = node["cron"]?.text else { return nil }
        var schedule = ScheduleDefinition(
            cron: cron, timezone: node["timezone"]?.text ?? "UTC", gap: choice(node["gap"]) ?? .shift,
            fold: choice(node["fold"]) ?? .first)
        schedule.catchUp = choice(node["catch_up"]) ?? schedule.catchUp
        schedule.catchUpLimit = node["catch_up_limit"]?.json.integer.map { Int($0) } ?? schedule.catchUpLimit
        schedule.overlap = choice(node["overlap"]) ?? schedule.overlap
        schedule.jitter = duration(node["jitter"])
        schedule.window = node["window"]?.text.flatMap(DayWindow.init)
        schedule.blackout = texts(node["blackout"])?.compactMap(DateSpan.init) ?? []
        schedule.needs = texts(node["needs"]) ?? []
        schedule.within = duration(node["within"]) ?? schedule.within
        schedule.tenant = node["tenant"]?.text
        schedule.assignments =
            node["set"]?.entries.compactMap { entry in
                entry.value.text.map { "\(entry.key)=\($0)" }
            } ?? []
        return schedule
    }

    private static func parameter(_ entry: YAMLNode.Entry) -> ParameterDefinition? {
        let node = entry.value
        guard let type: ParameterType = choice(node["type"]) else { return nil }
        let given = node["default"].map { $0.text.flatMap(type.value) ?? .null }
        return ParameterDefinition(
            name: entry.key, type: type, defaultValue: given, isRequired: node["required"]?.json.bool,
            choices: texts(node["choices"])?.compactMap(type.value) ?? [],
            description: node["description"]?.text ?? "")
    }

    private static func step(_ node: YAMLNode, _ rules: CatalogRules) -> StepDefinition? {
        guard let id = node["id"]?.text, let (entry, kind) = rules.choice(in: node) else { return nil }
        let shared = CatalogRules.tries.map(\.name)
        let options = kind.beside.compactMap { rule in
            shared.contains(rule.name) ? nil : node[rule.name].map { (rule.name, $0.json(as: rule.shape)) }
        }
        return StepDefinition(
            id: id, kind: entry.key, settings: entry.value.json(as: kind.key.shape),
            options: Dictionary(options) { first, _ in first }, retry: node["retry"].flatMap(retry),
            timeout: duration(node["timeout"]))
    }

    private static func retry(_ node: YAMLNode) -> StepDefinition.Retry? {
        guard let maximum = node["max"]?.json.integer else { return nil }
        return StepDefinition.Retry(maximum: Int(maximum), backoff: duration(node["backoff"]) ?? .seconds(1))
    }
}

extension YAMLNode {
    /// The value as its key wants it: what is a text there stays in the characters that were typed.
    fileprivate func json(as shape: ValueShape) -> JSONValue {
        switch shape {
        case .text, .query, .statements, .choice, .argument: text.map(JSONValue.string) ?? .null
        case .command: json(as: .arguments)
        case .list(let element, _): .array(elements.map { $0.json(as: element) })
        case .record(let table):
            .object(
                table.keys.compactMap { rule in
                    self[rule.name].map { JSONValue.Member(rule.name, $0.json(as: rule.shape)) }
                })
        case .entries(_, let value): .object(entries.map { JSONValue.Member($0.key, $0.value.json(as: value)) })
        case .boolean, .integer, .number, .scalar, .oneOf, .anything: json
        }
    }
}

extension JobDefinition {
    /// All keys of its file, in the order of the file; none when the text is that of another program.
    public var writtenKeys: [JSONValue.Member] {
        guard let root = try? YAMLDocument.read(text, limit: nil) else { return [] }
        return root.json.members ?? []
    }
}
