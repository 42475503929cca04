internal import BatchCore

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

    static func read(text: String, file: String, keys: KeyTable) -> Outcome {
        var source = SourceText(file: file, text: text, code: .invalidCatalog)
        let root: YAMLNode
        do throws(YAMLFault) {
            root = try YAMLDocument.read(text)
        } catch {
            source.report(error)
            return Outcome(definition: nil, source: source, id: nil, idNode: nil, needs: [])
        }
        var check = ShapeCheck(source)
        check.check(root, .record(keys), what: "a job")
        var meaning = MeaningCheck(check.source)
        meaning.check(root)
        source = meaning.source
        let definition = source.diagnostics.isEmpty ? JobNodes.definition(root, text: text) : nil
        return Outcome(
            definition: definition, source: source, id: root["id"]?.text, idNode: root["id"],
            needs: root["needs"]?.elements ?? [])
    }
}

/// Turns the checked tree of a job file into values. Nil never comes out of a tree in which nothing was wrong.
enum JobNodes {
    static func definition(_ job: YAMLNode, text: String) -> JobDefinition? {
        guard let id = job["id"]?.text, let version = job["version"]?.text.flatMap(SemanticVersion.init) else {
            return nil
        }
        var definition = JobDefinition(
            id: id, version: version, description: job["description"]?.text ?? "",
            tenant: choice(job["tenant"]) ?? .optional, level: job["level"]?.json.integer.map { Int($0) } ?? 0,
            sharedTables: texts(job["shared_tables"]) ?? [], limits: limits(job["limits"]),
            isCritical: job["critical"]?.json.bool ?? false, needs: texts(job["needs"]) ?? [],
            parameters: job["params"]?.entries.compactMap(parameter) ?? [],
            steps: job["steps"]?.elements.compactMap(step) ?? [], verify: texts(job["verify"]) ?? [],
            schedule: job["schedule"].flatMap(schedule), onFailure: choice(job["on_failure"]) ?? .stop,
            timeout: duration(job["timeout"]), notify: job["notify"]?.elements.compactMap(notification) ?? [],
            snapshot: choice(job["snapshot"]), text: text)
        definition.module = job["module"]?.text
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
        return rule
    }

    static func choice<Choice: RawRepresentable<String>>(_ node: YAMLNode?) -> Choice? {
        node?.text.flatMap(Choice.init)
    }

    static func texts(_ node: YAMLNode?) -> [String]? { node.map { $0.elements.compactMap(\.text) } }

    private static func duration(_ node: YAMLNode?) -> Duration? { node?.text.flatMap(Duration.init(text:)) }

    private static func schedule(_ node: YAMLNode) -> ScheduleDefinition? {
        guard let cron = node["cron"]?.text else { return nil }
        return ScheduleDefinition(cron: cron, timezone: node["timezone"]?.text ?? "UTC")
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

    private static func step(_ node: YAMLNode) -> StepDefinition? {
        guard let id = node["id"]?.text, let kind = kind(node) else { return nil }
        return StepDefinition(
            id: id, kind: kind, forEach: node["for_each"]?.text,
            chunk: node["chunk"]?.json.integer.map { Int($0) }, retry: node["retry"].flatMap(retry),
            timeout: duration(node["timeout"]), undo: texts(node["undo"]))
    }

    private static func kind(_ node: YAMLNode) -> StepKind? {
        if let sql = node["sql"]?.text { return .sql(sql) }
        if let query = node["check"]?.text { return .check(query) }
        if let arguments = texts(node["exec"]) { return .exec(arguments) }
        if let export = node["export"] { return self.export(export).map(StepKind.export) }
        if let snapshot = node["snapshot"] { return choice(snapshot).map(StepKind.snapshot) }
        return node.entries.first { !JobKeys.reservedStepKeys.contains($0.key) }
            .map { .plugin(name: $0.key, settings: $0.value.json) }
    }

    private static func export(_ node: YAMLNode) -> ExportDefinition? {
        guard let query = node["query"]?.text, let file = node["file"]?.text,
            let format = ExportDefinition.Format(fileName: file)
        else { return nil }
        return ExportDefinition(query: query, file: file, format: format)
    }

    private static func retry(_ node: YAMLNode) -> RetryRule? {
        guard let maximum = node["max"]?.json.integer else { return nil }
        return RetryRule(maximum: Int(maximum), backoff: duration(node["backoff"]) ?? .seconds(1))
    }
}
