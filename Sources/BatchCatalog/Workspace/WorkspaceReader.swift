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

    private static func roles(_ node: YAMLNode) -> RoleList {
        let users = Role.allCases.map { ($0, Set(JobNodes.texts(node[$0.rawValue]) ?? [])) }
        return RoleList(Dictionary(users) { first, _ in first })
    }

    private static func classes(_ node: YAMLNode?) -> [String: [String]] {
        Dictionary((node?.entries ?? []).map { ($0.key, JobNodes.texts($0.value) ?? []) }) { $0 + $1 }
    }

    private static func database(_ entry: YAMLNode.Entry, _ folder: String) -> DatabaseDefinition? {
        let node = entry.value
        guard let path = node["path"]?.text else { return nil }
        return DatabaseDefinition(
            name: entry.key, path: FolderText.join(folder, path), tenancy: JobNodes.choice(node["tenancy"]) ?? .none,
            tenantColumn: node["tenant_column"]?.text, guardMode: JobNodes.choice(node["guard"]),
            protected: JobNodes.texts(node["protected"]) ?? [], classes: classes(node["classes"]),
            limits: JobNodes.limits(node["limits"]), snapshot: JobNodes.choice(node["snapshot"]) ?? .auto)
    }
}

extension Workspace {
    /// Something wrong in `batchmgr.yaml`, or in the file of a job, at the first place of a name in it.
    public func mistake(_ message: String, at name: String, in file: String? = nil) -> Diagnostic {
        let path = file ?? FolderText.join(folder, Workspace.fileName)
        var (number, column, shown) = (1, 1, "")
        if case .text(let text)? = try? FolderText.read(path, limit: YAMLDocument.largestSize) {
            for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
            {
                guard let place = line.firstRange(of: name) else { continue }
                number = index + 1
                column = line[..<place.lowerBound].unicodeScalars.count + 1
                shown = String(line)
                break
            }
        }
        return Diagnostic(
            code: .invalidConfiguration, file: FolderText.shown(path), line: number, column: column,
            length: max(1, name.unicodeScalars.count), message: message, source: shown)
    }
}
