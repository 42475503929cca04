public import BatchCore

/// The contracts of a catalog: `contracts.yaml`.
public struct ContractList: Sendable {
    /// In the order of the file; none when something is wrong with it.
    public let contracts: [ContractDefinition]
    public let mistakes: [Diagnostic]

    private static let names = ["contracts.yaml", "contracts.yml"]

    /// - Throws: `ERR_INTEGRATION_FILE` when the file cannot be read.
    public static func load(folder: String) throws(BatchError) -> ContractList {
        for name in names {
            let path = FolderText.join(folder, name)
            guard FolderText.exists(path) else { continue }
            switch try FolderText.read(path, limit: YAMLDocument.largestSize) {
            case .text(let text):
                let mapping = try Catalog.mapping(in: folder).mapping
                return read(text: text, file: FolderText.shown(path), mapping)
            case .unreadable(let mark, let message):
                var source = SourceText(file: FolderText.shown(path), text: "", code: .invalidCatalog)
                source.report(mark, message)
                return ContractList(contracts: [], mistakes: source.diagnostics)
            }
        }
        return ContractList(contracts: [], mistakes: [])
    }

    /// Those of a catalog, or the one that is named.
    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of the file; `ERR_UX_UNKNOWN_NAME` with the name that was probably meant.
    public static func contracts(in folder: String?, named name: String? = nil) throws(BatchError)
        -> [ContractDefinition]
    {
        guard let folder else { return [] }
        let declared = try load(folder: folder)
        let hint: Hint = "correct them, then: \(command: "contract list")"
        if let error = Diagnostic.error(declared.mistakes, .invalidCatalog, hint: hint) { throw error }
        let found = declared.contracts.filter { name == nil || $0.id == name }
        guard let name, found.isEmpty else { return found }
        throw BatchError(
            .unknownName,
            "there is no contract '\(name)'\(Suggestion.clause(for: name, in: declared.contracts.map(\.id)))",
            hint: "see them: \(command: "contract list")")
    }

    /// Those that are asked within each checkpoint.
    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of the file.
    public static func realtime(in folder: String?) throws(BatchError) -> [ContractDefinition] {
        guard let folder else { return [] }
        // Most catalogs have none, and need not be understood for it.
        let word = ContractDefinition.Occasion.realtime.rawValue
        let isNamed = names.contains { name in
            let path = FolderText.join(folder, name)
            guard FolderText.exists(path) else { return false }
            guard case .text(let text)? = try? FolderText.read(path, limit: YAMLDocument.largestSize) else {
                return true
            }
            return text.contains(word)
        }
        return isNamed ? try contracts(in: folder).filter { $0.occasion == .realtime } : []
    }

    static func read(text: String, file: String, _ mapping: Mapping) -> ContractList {
        let (filled, unknown) = mapping.fill(text)
        var source = SourceText(file: file, text: text, code: .invalidCatalog)
        source.report(unknown, in: text, mapping)
        let root: YAMLNode
        do throws(YAMLNode.Fault) {
            root = try YAMLDocument.read(filled)
        } catch {
            source.report(error)
            return ContractList(contracts: [], mistakes: source.diagnostics)
        }
        var check = ShapeValidation(source)
        check.check(root, .entries(.jobName, .record(ContractList.keys)), what: "contracts.yaml")
        source = check.source
        for entry in root.entries {
            checkQuery(entry.value["query"], &source)
            checkKey(entry.value, &source)
            for key in ["warn_if", "fail_if"] { checkThreshold(entry.value, key, &source) }
            if let node = entry.value["when"], node.text == ContractDefinition.Occasion.realtime.rawValue,
                entry.value["key"] == nil || entry.value["reads"] == nil
            {
                source.report(
                    node,
                    "when: 'realtime' needs 'key' and 'reads', so that each checkpoint checks changed rows only")
            }
            if let node = entry.value["then"], entry.value["module"] == nil,
                node.elements.contains(where: { $0.text == ContractDefinition.Consequence.block.rawValue })
            {
                source.report(node, "then: 'block' needs 'module', the part of the application that is switched off")
            }
        }
        guard source.diagnostics.isEmpty else { return ContractList(contracts: [], mistakes: source.diagnostics) }
        return ContractList(contracts: root.entries.map(contract), mistakes: [])
    }

    private static func checkQuery(_ node: YAMLNode?, _ source: inout SourceText) {
        guard let node, let sql = node.text else { return }
        if SQLText.secondStatement(in: sql) != nil {
            source.report(node, "query: a second statement begins here; write one query")
        }
        for parameter in SQLText.parameters(in: sql) where parameter.name != "tenant" {
            source.report(node, "query: '\(parameter.text)' has no value; only :tenant has one")
        }
    }

    private static func checkKey(_ contract: YAMLNode, _ source: inout SourceText) {
        let columns = contract["key"]?.elements.count ?? 0
        for entry in contract["reads"]?.entries ?? [] where entry.value.elements.count != columns {
            source.report(
                entry.value, "reads: write for \(entry.key) as many columns as 'key' has, in the same order")
        }
    }

    private static func checkThreshold(_ contract: YAMLNode, _ key: String, _ source: inout SourceText) {
        guard let node = contract[key], let text = node.text else { return }
        switch ContractDefinition.Threshold(text: text) {
        case nil: source.report(node, "\(key): write a number of rows or a share, e.g. 5 or 0.5%")
        case .percent where contract["table"] == nil:
            source.report(node, "\(key): a share needs 'table', the rows that it is a share of")
        default: break
        }
    }

    private static func contract(_ entry: YAMLNode.Entry) -> ContractDefinition {
        let node = entry.value
        var contract = ContractDefinition(
            id: entry.key, description: node["description"]?.text ?? "", query: node["query"]?.text ?? "",
            faults: JobNodes.choice(node["class"]) ?? .data, severity: JobNodes.choice(node["severity"]) ?? .error,
            table: node["table"]?.text, warnIf: node["warn_if"]?.text.flatMap(ContractDefinition.Threshold.init),
            failIf: node["fail_if"]?.text.flatMap(ContractDefinition.Threshold.init) ?? .rows(1),
            occasion: JobNodes.choice(node["when"]) ?? .nightly)
        contract.key = node["key"]?.elements.compactMap(\.text) ?? []
        contract.reads = (node["reads"]?.entries ?? []).reduce(into: [:]) {
            $0[$1.key] = $1.value.elements.compactMap(\.text)
        }
        contract.module = node["module"]?.text
        contract.consequences = node["then"]?.elements.compactMap { JobNodes.choice($0) } ?? []
        return contract
    }

    static let keys = KeyTable(
        "a contract",
        [
            KeyRule("query", .query, required: true, "A query for the rows that break it; `:tenant` is NULL for all."),
            KeyRule("description", .text(.any), "One line for people."),
            KeyRule("class", .choice(RepairDefinition.classes.map(\.rawValue)), "What a violation is (`DATA`)."),
            KeyRule(
                "severity", .choice(ContractDefinition.Severity.allCases.map(\.rawValue)),
                "How bad a violation is (`error`)."),
            KeyRule("table", .text(.filled), "The table whose rows it checks; a percentage is a share of them."),
            KeyRule("warn_if", .argument, "It warns from this many violations on: `5` or `0.5%`."),
            KeyRule("fail_if", .argument, "It fails from this many violations on (`1`)."),
            KeyRule(
                "when", .choice(ContractDefinition.Occasion.allCases.map(\.rawValue)),
                "When it is checked automatically (`nightly`)."),
            KeyRule(
                "key", .list(.text(.filled), mayBeEmpty: false), companion: "reads",
                "The columns of its answer that name what it checks: with `reads`, `--changed` checks changed rows only."
            ),
            KeyRule(
                "reads", .entries(.filled, .list(.text(.filled), mayBeEmpty: false)), companion: "key",
                "For each table that it reads: the columns that hold that key."),
            KeyRule("module", .text(.jobName), "The part of the application that it is about."),
            KeyRule(
                "then", .list(.choice(ContractDefinition.Consequence.allCases.map(\.rawValue)), mayBeEmpty: true),
                "What happens when it fails."),
        ])
}
