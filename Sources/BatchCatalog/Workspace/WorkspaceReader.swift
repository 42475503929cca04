internal import BatchCore

/// Reads the text of a `batchmgr.yaml`.
enum WorkspaceReader {
    static func read(text: String, file: String, folder: String) throws(BatchError) -> Workspace {
        var source = SourceText(file: file, text: text, code: .invalidConfiguration)
        let root: YAMLNode
        do throws(YAMLNode.Fault) {
            root = try YAMLDocument.read(text)
        } catch {
            source.report(error)
            throw self.error(source)
        }
        var check = ShapeValidation(source)
        check.check(root, .record(WorkspaceKeys.table), what: "batchmgr.yaml")
        source = check.source
        checkDatabases(root, &source)
        checkPlugins(root, &source)
        if let admins = root["roles"]?["admin"], JobNodes.texts(admins)?.isEmpty == true {
            source.report(admins, "roles: name at least one admin, or nobody could switch anything")
        }
        guard source.diagnostics.isEmpty else { throw self.error(source) }
        return workspace(root, file: FolderText.join(folder, Workspace.fileName), folder: folder)
    }

    /// A plugin declared twice has a code of its own, and no other mistake must hide it.
    static func error(_ source: SourceText) -> BatchError {
        let special = source.diagnostics.first { $0.code == .pluginDuplicate }?.code
        let hint: Hint = "correct \(source.file); its keys are explained in docs/configuration.md"
        return Diagnostic.error(source.diagnostics, special ?? .invalidConfiguration, hint: hint)
            ?? BatchError(.internalFault, "\(source.file): nothing is wrong", hint: "try again")
    }

    // MARK: Meaning

    private static func checkDatabases(_ root: YAMLNode, _ source: inout SourceText) {
        if let databases = root["databases"], case .mapping(let entries) = databases.content, entries.isEmpty {
            source.report(databases, "databases: name at least one")
        }
        for entry in root["databases"]?.entries ?? [] {
            let node = entry.value
            let tenancy: Tenancy = JobNodes.choice(node["tenancy"]) ?? .none
            if let column = node["tenant_column"] {
                if tenancy != .column { source.report(column, "'tenant_column' goes with 'tenancy: column'") }
            } else if tenancy == .column, let tenancy = node["tenancy"] {
                source.report(tenancy, "'tenancy: column' needs the key 'tenant_column'")
            }
            guard let path = node["path"], let text = path.text else { continue }
            if text.contains("{tenant}") != (tenancy == .file) {
                source.report(path, "a path with {tenant} goes with 'tenancy: file', and no other does")
            }
        }
    }

    private static func checkPlugins(_ root: YAMLNode, _ source: inout SourceText) {
        for entry in root["plugins"]?.entries ?? [] where CatalogRules.ownNames.contains(entry.key) {
            source.report(
                key: entry, code: .pluginDuplicate,
                "'\(entry.key)' already means something in a step; choose another name")
        }
    }

    // MARK: Values

    private static func workspace(_ root: YAMLNode, file: String, folder: String) -> Workspace {
        func path(_ key: String, _ otherwise: String) -> String {
            FolderText.join(folder, root[key]?.text ?? otherwise)
        }
        let plugins = (root["plugins"]?.entries ?? []).compactMap { entry in
            entry.value.text.map { PluginDefinition(name: entry.key, path: FolderText.join(folder, $0)) }
        }
        var workspace = Workspace(
            folder: folder, file: file,
            databases: (root["databases"]?.entries ?? []).compactMap { database($0, folder) },
            backups: path("backups", "backups/batch_manager"), catalog: path("catalog", "catalog"),
            data: path("data", "data"),
            plugins: plugins,
            notify: root["notify"]?.elements.compactMap(JobNodes.notification) ?? [], roles: root["roles"].map(roles),
            log: log(root["log"]), keep: keep(root["keep"]), http: http(root["http"], folder),
            signals: signals(root["signals"]), traces: root["traces"].map(traces))
        workspace.watchdog = root["watchdog"].flatMap(watchdog)
        workspace.queue = queue(root["queue"])
        return workspace
    }

    private static func queue(_ node: YAMLNode?) -> QueueSettings {
        var settings = QueueSettings()
        if let size = node?["worker_mib"]?.json.integer { settings.workerMemory = Int(size) }
        for state in QueueSettings.usualAges.keys {
            let age = node?["max_age"]?[state.rawValue]?.text.flatMap { Duration(text: $0) }
            if let age { settings.ages[state] = age }
        }
        return settings
    }

    private static func watchdog(_ node: YAMLNode) -> WatchdogSettings? {
        guard let address = node["url"]?.text else { return nil }
        let period = node["every"]?.text.flatMap { Duration(text: $0) }
        return WatchdogSettings(address: address, period: period?.wholeMilliseconds ?? 60_000)
    }

    private static func traces(_ node: YAMLNode) -> TraceSettings {
        var settings = TraceSettings()
        settings.address = node["url"]?.text
        if let sample = node["sample"]?.number { settings.sample = sample }
        return settings
    }

    /// `bak:` is taken as it is written: what it does not name keeps nothing.
    private static func keep(_ node: YAMLNode?) -> KeepPolicy {
        var policy = KeepPolicy()
        if let bak = node?["bak"] {
            func count(_ key: String) -> Int { Int(bak[key]?.json.integer ?? 0) }
            policy.bak = RetentionPolicy(
                last: count("last"), daily: count("daily"), weekly: count("weekly"), monthly: count("monthly"))
        }
        if let life = node?["undo"]?.text.flatMap({ Duration(text: $0) }) { policy.undo = life }
        if let life = node?["reports"]?.text.flatMap({ Duration(text: $0) }) { policy.reports = life }
        return policy
    }

    private static func signals(_ node: YAMLNode?) -> [String: SignalKind] {
        let kinds = (node?.entries ?? []).compactMap { entry in
            entry.value.text.flatMap(SignalKind.init).map { (entry.key, $0) }
        }
        return Dictionary(kinds) { first, _ in first }
    }

    private static func http(_ node: YAMLNode?, _ folder: String) -> HTTPSettings {
        var settings = HTTPSettings()
        if let bind = node?["bind"]?.text { settings.bind = bind }
        if let port = node?["port"]?.json.integer { settings.port = Int(port) }
        if let isPublic = node?["public"]?.json.bool { settings.isPublic = isPublic }
        if let trusts = node?["trust_loopback"]?.json.bool { settings.trustsLoopback = trusts }
        if let proxies = JobNodes.texts(node?["proxies"]) { settings.proxies = proxies }
        if let isPlain = node?["plain"]?.json.bool { settings.isPlain = isPlain }
        settings.certificate = node?["certificate"]?.text.map { FolderText.join(folder, $0) }
        settings.key = node?["key"]?.text.map { FolderText.join(folder, $0) }
        if let rate = node?["rate"]?.json.integer { settings.rate = Int(rate) }
        if let size = node?["body_kib"]?.json.integer { settings.body = Int(size) << 10 }
        if let count = node?["connections"]?.json.integer { settings.connections = Int(count) }
        return settings
    }

    private static func log(_ node: YAMLNode?) -> LogSettings {
        var settings = LogSettings()
        if let level: LogLevel = JobNodes.choice(node?["level"]) { settings.level = level }
        if let size = node?["max_kib"]?.json.integer { settings.maxSize = Int(size) << 10 }
        if let keep = node?["keep"]?.json.integer { settings.keep = Int(keep) }
        if let isTold = node?["json"]?.json.bool { settings.isTold = isTold }
        return settings
    }

    private static func roles(_ node: YAMLNode) -> RoleBook {
        let users = Role.allCases.map { ($0, Set(JobNodes.texts(node[$0.rawValue]) ?? [])) }
        return RoleBook(Dictionary(users) { first, _ in first })
    }

    private static func database(_ entry: YAMLNode.Entry, _ folder: String) -> DatabaseDefinition? {
        let node = entry.value
        guard let path = node["path"]?.text else { return nil }
        return DatabaseDefinition(
            name: entry.key, path: FolderText.join(folder, path), tenancy: JobNodes.choice(node["tenancy"]) ?? .none,
            tenantColumn: node["tenant_column"]?.text, guardMode: JobNodes.choice(node["guard"]),
            protected: JobNodes.texts(node["protected"]) ?? [], limits: JobNodes.limits(node["limits"]),
            snapshot: JobNodes.choice(node["snapshot"]) ?? .auto)
    }
}

/// The keys of `batchmgr.yaml`.
enum WorkspaceKeys {
    static let table = KeyTable(
        "batchmgr.yaml",
        [
            KeyRule(
                "databases", .entries(.jobName, .record(database)), required: true,
                "The databases, each under a name; the name is also its branch in the history."),
            KeyRule(
                "backups", .text(.filled), "Folder for restore points, reports and logs (`backups/batch_manager`)."),
            KeyRule("catalog", .text(.filled), "Folder of the jobs (`catalog`)."),
            KeyRule("data", .text(.filled), "Folder of the documents: `in`, `out`, `work` and more (`data`)."),
            KeyRule("keep", .record(keep), "What is kept of everything that grows; the rest goes after each run."),
            KeyRule("plugins", .entries(.jobName, .text(.filled)), "Step kinds that programs add: `NAME: path`."),
            KeyRule("log", .record(log), "The structured log, see logs.md."),
            KeyRule("http", .record(http), "How `serve` answers over HTTP, see http.md."),
            KeyRule(
                "signals", .entries(.jobName, .choice(SignalKind.allCases.map(\.rawValue))),
                "What the application says about itself: `NAME: latency`, `error` or `usage`, see metrics.md."),
            KeyRule(
                "traces", .record(traces),
                "Spans for OpenTelemetry, in `logs/traces.jsonl` and to a receiver, see traces.md."),
            KeyRule("notify", .list(JobKeys.notification, mayBeEmpty: true), "Whom to tell when something goes wrong."),
            KeyRule("queue", .record(queue), "The queue, see queue.md."),
            KeyRule("watchdog", .record(watchdog), "An address outside that hears from the service that it lives."),
            KeyRule("roles", .record(roles), "Who may do what; without this key everybody may do everything."),
        ])

    private static let http = KeyTable(
        "http",
        [
            KeyRule("bind", .text(.filled), "The address to listen on (`127.0.0.1`)."),
            KeyRule("port", .integer(0...65_535), "The port; 0 for one that is free (`18083`)."),
            KeyRule(
                "public", .boolean,
                "Whether this machine may read `/health`, `/metrics`, `/jobs` and `/config` without a token (`true`)."),
            KeyRule(
                "trust_loopback", .boolean,
                "Whether this machine may do without a token all that the user of the service may (`false`)."),
            KeyRule(
                "proxies", .list(.text(.filled), mayBeEmpty: true),
                "Addresses and networks whose `X-Forwarded-For` is believed."),
            KeyRule("plain", .boolean, "Listen on other addresses than loopback without TLS (`false`)."),
            KeyRule(
                "certificate", .text(.filled), "PEM file of the certificate, with those that vouch for it: then TLS."),
            KeyRule("key", .text(.filled), "PEM file of its private key."),
            KeyRule("rate", .integer(1...1_000_000), "Requests a minute for each token or address (`600`)."),
            KeyRule("body_kib", .integer(1...102_400), "KiB that the body of a request may have (`1024`)."),
            KeyRule("connections", .integer(1...10_000), "Connections at the same time (`200`)."),
        ])

    private static let queue = KeyTable(
        "queue",
        [
            KeyRule(
                "max_age", .record(ages),
                "How long a job may be in a state before `stuck` is told and it is in `queue list --stuck`."),
            KeyRule(
                "worker_mib", .integer(16...1_048_576),
                "MiB that a worker of the service may hold: it ends behind the job with which it has more (`1024`)."),
        ])

    private static let ages = KeyTable(
        "max_age",
        QueueState.allCases.compactMap { state in
            QueueSettings.usualAges[state].map { age in
                KeyRule(state.rawValue, .text(.duration), "Of jobs that are \(state.rawValue) (`\(age.text)`).")
            }
        })

    private static let watchdog = KeyTable(
        "watchdog",
        [
            KeyRule(
                "url", .text(.address), required: true,
                "Gets a POST each time; it raises the alarm when none has come for a while."),
            KeyRule("every", .text(.duration), "How often (`1m`)."),
        ])

    private static let traces = KeyTable(
        "traces",
        [
            KeyRule(
                "url", .text(.address),
                "A receiver of OTLP over HTTP with JSON, e.g. `http://127.0.0.1:4318/v1/traces`."),
            KeyRule("sample", .number(0...100), "Of 100 ordinary traces so many are kept (`1`)."),
        ])

    private static let users = ValueShape.list(.text(.filled), mayBeEmpty: true)

    private static let roles = KeyTable(
        "roles",
        [
            KeyRule("viewer", users, "Users who may look."),
            KeyRule("operator", users, "Users who may run, resume, stop and undo batches."),
            KeyRule("approver", users, "Users who may approve and reject plans."),
            KeyRule("support", users, "Users who may look at a tenant on its behalf, for a short time."),
            KeyRule("admin", users, required: true, "Users who may do everything."),
        ])

    private static let keep = KeyTable(
        "keep",
        [
            KeyRule(
                "bak", .record(keepBak),
                "`.bak` files of restore points (`{last: 5, daily: 7, weekly: 4, monthly: 12}`)."),
            KeyRule("undo", .text(.duration), "How long undo logs stay; older batches are undone from git (`90d`)."),
            KeyRule("reports", .text(.duration), "How long reports and logs of rollbacks stay (`400d`)."),
        ])

    private static let keepBak = KeyTable(
        "bak",
        [
            KeyRule("last", .integer(0...1_000_000), "The newest points."),
            KeyRule("daily", .integer(0...1_000_000), "The newest point of each of so many days that have one."),
            KeyRule("weekly", .integer(0...1_000_000), "The same for weeks."),
            KeyRule("monthly", .integer(0...1_000_000), "The same for months."),
        ])

    private static let log = KeyTable(
        "log",
        [
            KeyRule("level", choice(LogLevel.self), "What is written: this level and those above it (`info`)."),
            KeyRule("max_kib", .integer(1...15_360), "KiB after which the next file is begun (`10240`)."),
            KeyRule("keep", .integer(0...1_000), "Older files that are kept (`5`)."),
            KeyRule(
                "json", .boolean,
                "Whether each line goes to the standard error too, for those who gather that (`false`)."),
        ])

    private static let database = KeyTable(
        "a database",
        [
            KeyRule(
                "path", .text(.filled), required: true,
                "The file, from the workspace folder; holds `{tenant}` with tenancy `file`."),
            KeyRule(
                "tenancy", choice(Tenancy.self),
                "How tenants are told apart: by nothing, a column, a file each (`none`)."),
            KeyRule(
                "tenant_column", .text(.filled), "The column, with tenancy `column`; tables without it are shared."),
            KeyRule(
                "guard", choice(GuardMode.self), "What happens to writes that no batch made (as `guard set` said last)."
            ),
            KeyRule(
                "protected", .list(.text(.filled), mayBeEmpty: true),
                "Tables and columns (`table.column`) that only an approved batch may change."),
            KeyRule("limits", .record(JobKeys.limits), "Limits for batches of jobs that say nothing of them."),
            KeyRule(
                "snapshot", choice(JobDefinition.SnapshotPolicy.self), "Kind of `.bak` of a restore point (`auto`)."),
        ])

    private static func choice<Choice: CaseIterable & RawRepresentable<String>>(_: Choice.Type) -> ValueShape {
        .choice(Choice.allCases.map(\.rawValue))
    }
}

/// What `batchmgr.yaml` may hold, for the documentation.
public enum ConfigurationKeys {
    /// Every key by its path, with its meaning.
    public static var keys: [(path: String, meaning: String)] { WorkspaceKeys.table.documentation }
}
