internal import BatchCore

/// Finds what is wrong in a job though every key and value looks right: names that are there twice or nowhere.
struct MeaningValidation {
    private(set) var source: SourceText
    private let rules: CatalogRules

    init(_ source: SourceText, _ rules: CatalogRules) {
        self.source = source
        self.rules = rules
    }

    mutating func check(_ job: YAMLNode) {
        let parameters = job["params"]?.entries ?? []
        for parameter in parameters { check(parameter) }
        checkRepeated(job["steps"]?.elements.compactMap { $0["id"] } ?? [], "step")
        checkRepeated(job["needs"]?.elements ?? [], "needed job")
        checkRepeated(job["shared_tables"]?.elements ?? [], "shared table")
        checkReachable(job)
        checkSteps(job)
        let names = parameters.map(\.key) + ParameterDefinition.builtIn
        let forbidsTenant = job["tenant"]?.text == JobDefinition.TenantRule.none.rawValue
        let scope = Scope(names: names, forbidsTenant: forbidsTenant)
        for step in job["steps"]?.elements ?? [] { check(step: step, scope) }
        job["finds"].map { check($0, .query, scope) }
        for query in job["verify"]?.elements ?? [] { check(query, .query, scope) }
        checkDatabase(job)
        if !rules.isPinned { job["schedule"].map { checkSchedule($0) } }
    }

    private mutating func checkSteps(_ job: YAMLNode) {
        guard let flag = job["flag_only"], flag.json.bool == false else { return }
        source.report(flag, "flag_only: write true, or leave it out")
    }

    private mutating func checkDatabase(_ job: YAMLNode) {
        guard let node = job["database"], let name = node.text, let known = rules.databases, !known.contains(name)
        else { return }
        let meant = Suggestion.clause(for: name, in: known)
        source.report(node, "the workspace has no database '\(name)'\(meant)")
    }

    private mutating func checkSchedule(_ schedule: YAMLNode) {
        // What does not even look like one is told already.
        if let cron = schedule["cron"], let text = cron.text, TextRule.cron.accepts(text),
            let problem = CronExpression.problem(in: text)
        {
            source.report(cron, "cron: \(problem)")
        }
        if let zone = schedule["timezone"], let name = zone.text, TextRule.timezone.accepts(name),
            let problem = TimeZoneNames.problem(with: name)
        {
            source.report(zone, "timezone: \(problem)")
        }
    }

    private struct Scope {
        var names: [String]
        let forbidsTenant: Bool
        /// Columns of `for_each`; nil when only the database knows them.
        var columns: [String]? = []
    }

    private mutating func checkRepeated(_ nodes: [YAMLNode], _ noun: String) {
        var lines: [String: Int] = [:]
        for node in nodes {
            guard let name = node.text else { continue }
            if let line = lines[name] {
                source.report(node, "\(noun) '\(name)' is given already, in line \(line)")
            } else {
                lines[name] = node.start.line
            }
        }
    }

    /// A shared table that the limits leave out could never be written.
    private mutating func checkReachable(_ job: YAMLNode) {
        guard let allowed = job["limits"]?["tables"].map({ $0.elements.compactMap(\.text) }) else { return }
        for node in job["shared_tables"]?.elements ?? [] {
            guard let name = node.text, !allowed.contains(where: { $0.lowercased() == name.lowercased() }) else {
                continue
            }
            let meant = Suggestion.clause(for: name, in: allowed)
            source.report(node, "'\(name)' is not among 'limits.tables'\(meant)")
        }
    }

    // MARK: Steps

    private mutating func check(step: YAMLNode, _ scope: Scope) {
        guard let (entry, kind) = rules.choice(in: step) else { return }
        var inner = scope
        if let query = step["for_each"] {
            inner.columns = query.text.flatMap(SQLText.resultColumns)
        }
        check(entry.value, kind.key.shape, scope, statements: inner)
        for rule in kind.beside { step[rule.name].map { check($0, rule.shape, scope, statements: inner) } }
    }

    /// - Parameter inner: what the statements of the step may name, with the columns of `for_each`.
    private mutating func check(_ node: YAMLNode, _ shape: ValueShape, _ scope: Scope, statements inner: Scope? = nil) {
        switch shape {
        case .query:
            checkSQL(node, scope)
            if !rules.isPinned { checkIsOne(node) }
        case .statements: checkSQL(node, inner ?? scope)
        case .command: for argument in node.elements { checkArgument(argument, scope) }
        // A pinned one may be of a time when braces were what they are.
        case .text(let rule) where rule.hasPlaceholders && !rules.isPinned: checkArgument(node, scope)
        case .list(let element, _): for value in node.elements { check(value, element, scope, statements: inner) }
        case .record(let table):
            for rule in table.keys { node[rule.name].map { check($0, rule.shape, scope, statements: inner) } }
        default: break
        }
    }

    /// SQLite compiles the first statement of a text and leaves the rest: a check would pass that says something else.
    private mutating func checkIsOne(_ node: YAMLNode) {
        guard let sql = node.text, let second = SQLText.secondStatement(in: sql) else { return }
        let mark = source.place(
            of: second.word, occurrence: occurrences(of: second.word, in: sql, before: second.offset), in: node)
        source.report(
            mark, length: mark == node.start ? 1 : second.word.unicodeScalars.count,
            "a second statement begins here, and only the first would be run; write one query")
    }

    private mutating func checkArgument(_ node: YAMLNode, _ scope: Scope) {
        guard let text = node.text else { return }
        let placeholders: Set<CommandTemplate.Placeholder>
        do throws(BatchError) {
            placeholders = try CommandTemplate([text]).placeholders
        } catch {
            return source.report(node, "\(error.message); \(error.hint.text())")
        }
        if scope.forbidsTenant, placeholders.contains(.tenant) {
            source.report(node, "'{tenant}' has no value in a job with 'tenant: none'")
        }
        let declared = scope.names.filter { !ParameterDefinition.builtIn.contains($0) }
        for case .parameter(let name) in placeholders where !declared.contains(name) {
            source.report(node, "'{param:\(name)}' is not a parameter\(Suggestion.clause(for: name, in: declared))")
        }
    }

    private mutating func checkSQL(_ node: YAMLNode, _ scope: Scope) {
        guard let sql = node.text else { return }
        var reported: Set<String> = []
        for parameter in SQLText.parameters(in: sql) {
            guard let problem = problem(parameter, scope), reported.insert(parameter.text).inserted else { continue }
            let before = occurrences(of: parameter.text, in: sql, before: parameter.offset)
            let mark = source.place(of: parameter.text, occurrence: before, in: node)
            source.report(mark, length: mark == node.start ? 1 : parameter.text.unicodeScalars.count, problem)
        }
    }

    private func problem(_ parameter: SQLText.Parameter, _ scope: Scope) -> String? {
        guard let name = parameter.name else {
            return "'\(parameter.text)': write parameters as :name"
        }
        if name == "tenant", scope.forbidsTenant { return "':tenant' has no value in a job with 'tenant: none'" }
        guard !scope.names.contains(name), let columns = scope.columns,
            !columns.contains(where: { $0.lowercased() == name.lowercased() })
        else { return nil }
        let meant = Suggestion.clause(for: name, in: scope.names + columns)
        let places = columns.isEmpty ? "a parameter" : "a parameter or a column of for_each"
        return "':\(name)' is not \(places)\(meant)"
    }

    /// How often the same characters stand before, whatever they mean there: that is how the place is found again.
    private func occurrences(of word: String, in sql: String, before offset: Int) -> Int {
        let bytes = Array(sql.utf8)
        return (0..<offset).count { bytes[$0...].starts(with: word.utf8) }
    }

    // MARK: Parameters

    private mutating func check(_ parameter: YAMLNode.Entry) {
        let node = parameter.value
        guard let type = node["type"]?.text.flatMap(ParameterType.init(rawValue:)) else { return }
        let choices = node["choices"]?.elements ?? []
        for choice in choices {
            guard let text = choice.text, type.value(of: text) == nil else { continue }
            source.report(choice, "a choice of \(parameter.key) is not \(type.shape)")
        }
        guard let given = node["default"] else { return }
        if node["required"]?.json.bool == true {
            source.report(given, "\(parameter.key) is required, so its default is never used; drop one of the two")
        }
        guard let text = given.text else { return }
        if let value = type.value(of: text) {
            let allowed = choices.compactMap { $0.text.flatMap(type.value) }
            if !choices.isEmpty, !allowed.contains(value) {
                source.report(given, "the default of \(parameter.key) is not among its choices")
            }
        } else {
            source.report(given, "the default of \(parameter.key) is not \(type.shape)")
        }
    }
}

/// The time zones that this machine knows.
public enum TimeZoneNames {
    private static let folder = "/usr/share/zoneinfo"

    /// Why a name is no time zone; nil when it is one, and where the machine has no list of them.
    public static func problem(with name: String) -> String? {
        if name == "UTC" { return nil }
        // A path would be opened, wherever it leads, by a library that trusts what it finds.
        guard isName(name) else { return "'\(name)' is not the name of a time zone" }
        if !FolderText.exists(folder) || FolderText.isFile(FolderText.join(folder, name)) { return nil }
        let area = name.pathNames.dropLast().joined(separator: "/")
        let below = area.isEmpty ? folder : FolderText.join(folder, area)
        let known = ((try? FolderText.names(in: below)) ?? []).filter { !$0.hasPrefix(".") }
            .map { area.isEmpty ? $0 : "\(area)/\($0)" }
        return "there is no time zone '\(name)'\(Suggestion.clause(for: name, in: known))"
    }

    /// `Etc/GMT+5`, `America/Argentina/Ushuaia`.
    private static func isName(_ name: String) -> Bool {
        name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            part.utf8.first.map { ($0 | 0x20).isASCIILetter } ?? false
                && part.utf8.allSatisfy { ($0 | 0x20).isASCIILetter || $0.isASCIIDigit || "_+-".utf8.contains($0) }
        }
    }
}

extension UInt8 {
    fileprivate var isASCIILetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) }
    fileprivate var isASCIIDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
