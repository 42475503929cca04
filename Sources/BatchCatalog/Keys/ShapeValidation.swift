internal import BatchCore

/// Holds a document against the table of its keys and reports everything that does not fit.
struct ShapeValidation {
    private(set) var source: SourceText

    init(_ source: SourceText) { self.source = source }

    mutating func check(_ node: YAMLNode, _ shape: ValueShape, what: String) {
        switch shape {
        case .text(let rule): checkText(node, rule, what)
        case .query, .statements: checkText(node, .sql, what)
        case .command: check(node, .arguments, what: what)
        case .choice(let words): checkChoice(node, words, what)
        case .boolean:
            guard case .scalar(_, isPlain: true) = node.content, case .bool = node.json else {
                return source.report(node, "\(what): write true or false")
            }
        case .integer(let range): checkInteger(node, range, what)
        case .number(let range):
            guard let number = node.number, range.contains(number) else {
                return source.report(node, "\(what): write a number from \(range.lowerBound) to \(range.upperBound)")
            }
        case .scalar:
            guard case .scalar = node.content else { return source.report(node, "\(what): write a single value") }
        case .argument:
            guard node.text != nil else { return source.report(node, "\(what): write a single value") }
        case .list(let element, let mayBeEmpty): checkList(node, element, mayBeEmpty, what)
        case .record(let table): checkRecord(node, table, what)
        case .entries(let rule, let value): checkEntries(node, rule, value, what)
        case .oneOf(let common, let choices, let open):
            checkOneOf(node, OneOf(common: common, choices: choices, open: open), what)
        case .anything: checkNames(node, what)
        }
    }

    // MARK: Scalars

    private mutating func checkText(_ node: YAMLNode, _ rule: TextRule, _ what: String) {
        guard case .scalar(let text, _) = node.content else {
            return source.report(node, "\(what): write \(rule.shape)")
        }
        // A plain `5` or `true` is not a text; a rule with a form of its own decides by the form.
        guard node.isString else {
            let advice = rule.accepts(text) && !node.isNull ? "put it in quotes" : "write \(rule.shape)"
            return source.report(node, "\(what): \(advice)")
        }
        if !rule.accepts(text) { source.report(node, "\(what): write \(rule.shape)") }
    }

    private mutating func checkChoice(_ node: YAMLNode, _ words: [String], _ what: String) {
        guard let text = node.text else {
            return source.report(node, "\(what): write one of \(words.joined(separator: ", "))")
        }
        guard !words.contains(text) else { return }
        let meant = Suggestion.clause(for: text, in: words)
        source.report(node, "\(what): '\(text)' is not one of \(words.joined(separator: ", "))\(meant)")
    }

    private mutating func checkInteger(_ node: YAMLNode, _ range: ClosedRange<Int>, _ what: String) {
        guard case .integer(let number) = node.json, range.contains(Int(number)) else {
            return source.report(node, "\(what): write a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    // MARK: Collections

    private mutating func checkList(_ node: YAMLNode, _ element: ValueShape, _ mayBeEmpty: Bool, _ what: String) {
        guard case .sequence(let elements) = node.content else {
            return source.report(node, "\(what): write a list, e.g. [a, b]")
        }
        if elements.isEmpty, !mayBeEmpty { source.report(node, "\(what): the list is empty") }
        for value in elements { check(value, element, what: what) }
    }

    private mutating func checkRecord(_ node: YAMLNode, _ table: KeyTable, _ what: String) {
        guard isMapping(node, what) else { return }
        for entry in unique(node, what) {
            if let rule = table.keys.first(where: { $0.name == entry.key }) {
                check(entry.value, rule.shape, what: rule.name)
                checkCompanion(rule, entry, node)
            } else {
                reportUnknown(entry, table.title, table.keys.map(\.name))
            }
        }
        reportMissing(table.keys, node, table.title)
    }

    private mutating func checkEntries(_ node: YAMLNode, _ rule: TextRule, _ value: ValueShape, _ what: String) {
        guard isMapping(node, what) else { return }
        for entry in unique(node, what) {
            if !rule.accepts(entry.key) {
                source.report(key: entry, "\(what): '\(entry.key)' is not a name; write \(rule.shape)")
            }
            check(entry.value, value, what: entry.key)
        }
    }

    private struct OneOf {
        let common: KeyTable
        let choices: [KeyChoice]
        let open: [KeyRule]?

        var names: [String] { choices.map(\.key.name) }
        var beside: [KeyRule] { choices.flatMap(\.beside) }
        var known: [String] { common.keys.map(\.name) + names + beside.map(\.name) }

        /// The choices made in a mapping; in an open shape the one key that nobody knows is a choice too.
        func chosen(_ entries: [YAMLNode.Entry]) -> [KeyChoice] {
            let found = entries.compactMap { entry in choices.first { $0.key.name == entry.key } }
            guard let open, found.isEmpty else { return found }
            let unknown = entries.filter { !known.contains($0.key) }
            guard unknown.count == 1 else { return [] }
            return [KeyChoice(KeyRule(unknown[0].key, .anything, ""), beside: open)]
        }
    }

    private mutating func checkOneOf(_ node: YAMLNode, _ shape: OneOf, _ what: String) {
        guard isMapping(node, what) else { return }
        let entries = unique(node, what)
        let title = shape.common.title
        let chosen = shape.chosen(entries)
        for entry in entries {
            if let choice = chosen.first(where: { $0.key.name == entry.key }) {
                check(entry.value, choice.key.shape, what: entry.key)
                if choice.key.name != chosen[0].key.name {
                    let both = "both '\(chosen[0].key.name)' and '\(entry.key)'"
                    source.report(key: entry, "\(title) cannot be \(both); make it two")
                }
            } else if let rule = (shape.common.keys + shape.beside).first(where: { $0.name == entry.key }) {
                check(entry.value, rule.shape, what: entry.key)
                checkBeside(entry, rule, chosen.first, shape)
                checkCompanion(rule, entry, node)
            } else {
                reportUnknown(entry, title, shape.known)
            }
        }
        if chosen.isEmpty, entries.allSatisfy({ shape.known.contains($0.key) }) {
            source.report(node.start, "\(title) needs one of \(shape.names.joined(separator: ", "))")
        }
        reportMissing(shape.common.keys, node, title)
    }

    private mutating func checkBeside(
        _ entry: YAMLNode.Entry, _ rule: KeyRule, _ chosen: KeyChoice?, _ shape: OneOf
    ) {
        guard let chosen, !(shape.common.keys + chosen.beside).contains(where: { $0.name == rule.name }) else { return }
        let partners = shape.choices.filter { $0.beside.contains { $0.name == rule.name } }.map(\.key.name)
        let list = partners.joined(separator: ", ")
        source.report(key: entry, "'\(rule.name)' goes with \(list), not with '\(chosen.key.name)'")
    }

    // MARK: Keys

    private mutating func isMapping(_ node: YAMLNode, _ what: String) -> Bool {
        if case .mapping = node.content { return true }
        source.report(node, "\(what): write keys and values, e.g. key: value")
        return false
    }

    /// The entries of a mapping, each key once; the others are reported.
    private mutating func unique(_ node: YAMLNode, _ what: String) -> [YAMLNode.Entry] {
        let entries = node.entries
        guard Set(entries.map(\.key)).count < entries.count else { return entries }
        var lines: [String: Int] = [:]
        return entries.filter { entry in
            if let line = lines[entry.key] {
                // Two programs under one name of a plugin is an error with a code of its own.
                source.report(
                    key: entry, code: what == "plugins" ? .pluginDuplicate : nil,
                    "'\(entry.key)' is given already, in line \(line)")
                return false
            }
            lines[entry.key] = entry.mark.line
            return true
        }
    }

    /// Repeated keys anywhere below.
    private mutating func checkNames(_ node: YAMLNode, _ what: String) {
        for entry in unique(node, what) { checkNames(entry.value, entry.key) }
        for element in node.elements { checkNames(element, what) }
    }

    private mutating func checkCompanion(_ rule: KeyRule, _ entry: YAMLNode.Entry, _ node: YAMLNode) {
        guard let companion = rule.companion, node[companion] == nil else { return }
        source.report(key: entry, "'\(rule.name)' goes with '\(companion)', which is missing")
    }

    private mutating func reportUnknown(_ entry: YAMLNode.Entry, _ title: String, _ known: [String]) {
        let meant = Suggestion.clause(for: entry.key, in: known)
        source.report(key: entry, "\(title) has no key '\(entry.key)'\(meant)")
    }

    private mutating func reportMissing(_ keys: [KeyRule], _ node: YAMLNode, _ title: String) {
        for key in keys where key.isRequired {
            let other = key.substitute.flatMap { name in node.entries.first { $0.key == name } }
            if node[key.name] == nil, other == nil {
                source.report(node.start, "\(title) needs the key '\(key.name)'")
            } else if node[key.name] != nil, let other {
                source.report(key: other, "'\(other.key)' and '\(key.name)' cannot be used together")
            }
        }
    }
}
