public import BatchCore

/// The modules and flags of a catalog: `modules.yaml` and `flags.yaml`.
public struct ModuleList: Sendable {
    public let modules: [ModuleDefinition]
    public let flags: [FlagDefinition]
    public let mistakes: [Diagnostic]

    public static let empty = ModuleList(modules: [], flags: [], mistakes: [])

    /// - Parameter folder: of the catalog; nil where there is none.
    /// - Throws: `ERR_INTEGRATION_FILE` when a file cannot be read.
    public static func load(folder: String?) throws(BatchError) -> ModuleList {
        guard let folder else { return .empty }
        var owners: [String: String] = [:]
        let modules = try HealingFile(folder: folder, stem: "modules", moduleKeys) { entry, source in
            for table in entry.value["tables"]?.elements ?? [] {
                guard let name = table.text.map({ SQLName.folded($0) }) else { continue }
                if let owner = owners[name] {
                    source.report(table, "table \(name) belongs to module \(owner) already")
                }
                owners[name] = entry.key
            }
        }
        let flags = try HealingFile(folder: folder, stem: "flags", flagKeys)
        return ModuleList(
            modules: modules.entries.map(module), flags: flags.entries.map(flag),
            mistakes: modules.source.diagnostics + flags.source.diagnostics)
    }

    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of the files.
    public func valid() throws(BatchError) -> ModuleList {
        let hint: Hint = "correct them, then: \(command: "catalog validate")"
        if let error = Diagnostic.error(mistakes, .invalidCatalog, hint: hint) { throw error }
        return self
    }

    /// The modules that a job belongs to: the one that it names; of a repair that names none, those whose tables it writes.
    public func modules(of job: JobDefinition) -> [String] {
        if let module = job.module { return [module] }
        guard job.repair != nil else { return [] }
        let texts = job.steps.filter { $0.kind == "sql" }.compactMap(\.settings.string)
        let written = Set((job.sharedTables + texts.flatMap(SQLText.writtenTables)).map { SQLName.folded($0) })
        return modules.filter { module in module.tables.contains { written.contains(SQLName.folded($0)) } }.map(\.id)
    }

    /// The tables of other modules than that of a job and those that it uses, folded, with the module of each.
    public func foreignTables(to job: JobDefinition) -> [String: String] {
        guard let own = job.module else { return [:] }
        var tables: [String: String] = [:]
        for module in modules where module.id != own && !job.uses.contains(module.id) {
            for table in module.tables { tables[SQLName.folded(table)] = module.id }
        }
        return tables
    }

    private static func module(_ entry: YAMLNode.Entry) -> ModuleDefinition {
        let node = entry.value
        func number(_ key: String) -> Int? { node["quota"]?[key]?.json.integer.map { Int($0) } }
        return ModuleDefinition(
            id: entry.key, description: node["description"]?.text ?? "", tables: JobNodes.texts(node["tables"]) ?? [],
            isCritical: node["critical"]?.json.bool ?? false, flags: JobNodes.texts(node["flags"]) ?? [],
            quota: .init(batchesPerDay: number("batches_per_day"), rowsPerDay: number("rows_per_day")),
            surfaces: JobNodes.texts(node["surfaces"]) ?? [])
    }

    private static func flag(_ entry: YAMLNode.Entry) -> FlagDefinition {
        let node = entry.value
        return FlagDefinition(
            id: entry.key, description: node["description"]?.text ?? "", isOn: node["default"]?.text == "on",
            module: node["module"]?.text, isSensitive: node["sensitive"]?.json.bool ?? false)
    }

    private static let moduleKeys = KeyTable(
        "a module",
        [
            KeyRule("description", .text(.any), "One line for people."),
            KeyRule("tables", .list(.text(.filled), mayBeEmpty: true), "The tables that belong to it."),
            KeyRule("critical", .boolean, "It keeps working in degraded mode (`false`)."),
            KeyRule("flags", .list(.text(.jobName), mayBeEmpty: true), "The flags of its features."),
            KeyRule(
                "quota",
                .record(
                    KeyTable(
                        "a quota",
                        [
                            KeyRule("batches_per_day", .integer(1...1_000_000_000), "Batches in 24 hours."),
                            KeyRule("rows_per_day", .integer(1...1_000_000_000_000), "Changed rows in 24 hours."),
                        ])), "How much work is expected of it; rules report when it is used up."),
            KeyRule("surfaces", .list(.text(.filled), mayBeEmpty: true), "Where people meet it."),
        ])

    private static let flagKeys = KeyTable(
        "a flag",
        [
            KeyRule("description", .text(.any), "One line for people."),
            KeyRule("default", .choice(["on", "off"]), "Its value until somebody switches it (`off`)."),
            KeyRule("module", .text(.jobName), "The module that it is a feature of."),
            KeyRule("sensitive", .boolean, "Only a person switches it (`false`)."),
        ])
}
