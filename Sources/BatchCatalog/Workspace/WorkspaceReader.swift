internal import BatchCore

/// Reads the text of a `batchmgr.yaml`.
enum WorkspaceReader {
    static func read(text: String, file: String, folder: String) throws(BatchError) -> Workspace {
        var source = SourceText(file: file, text: text, code: .invalidConfiguration)
        let root: YAMLNode
        do throws(YAMLFault) {
            root = try YAMLDocument.read(text)
        } catch {
            source.report(error)
            throw self.error(source)
        }
        var check = ShapeCheck(source)
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
        return Workspace(
            folder: folder, file: file,
            databases: (root["databases"]?.entries ?? []).compactMap { database($0, folder) },
            backups: path("backups", "backups/batch_manager"), catalog: path("catalog", "catalog"), plugins: plugins,
            notify: root["notify"]?.elements.compactMap(JobNodes.notification) ?? [], roles: root["roles"].map(roles),
            log: log(root["log"]), keep: keep(root["keep"]))
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

    private static func log(_ node: YAMLNode?) -> LogSettings {
        var settings = LogSettings()
        if let level: LogLevel = JobNodes.choice(node?["level"]) { settings.level = level }
        if let size = node?["max_kib"]?.json.integer { settings.maxSize = Int(size) << 10 }
        if let keep = node?["keep"]?.json.integer { settings.keep = Int(keep) }
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
