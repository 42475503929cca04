internal import BatchCore

/// Reads `mapping.yaml`.
enum MappingReader {
    static let fileNames = ["mapping.yaml", "mapping.yml"]

    /// A concept with mistakes in it says nothing, and stops the jobs that use it.
    static func read(text: String, file: String) -> (mapping: Mapping, source: SourceText) {
        var source = SourceText(file: file, text: text, code: .invalidCatalog)
        let root: YAMLNode
        do throws(YAMLNode.Fault) {
            root = try YAMLDocument.read(text)
        } catch {
            source.report(error)
            return (Mapping(isBroken: true), source)
        }
        guard case .mapping = root.content else {
            source.report(root, "a mapping: write a concept and its table, e.g. invoices: {table: invoices, key: id}")
            return (Mapping(isBroken: true), source)
        }
        var (concepts, broken) = ([String: Mapping.Concept](), Set<String>())
        var searches: [Mapping.Concept] = []
        for entry in root.entries {
            guard Mapping.names.contains(entry.key) else {
                let meant = Suggestion.clause(for: entry.key, in: Mapping.names)
                source.report(key: entry, "there is no concept '\(entry.key)'\(meant)")
                continue
            }
            let before = source.diagnostics.count
            if concepts[entry.key] != nil { source.report(key: entry, "'\(entry.key)' is given twice") }
            if entry.key == "search", case .sequence(let elements) = entry.value.content {
                // A list of one is the one.
                searches = elements.compactMap { concept(.init(key: "search", mark: $0.start, value: $0), &source) }
                if elements.isEmpty { source.report(entry.value, "search: the list is empty") }
            } else {
                concepts[entry.key] = concept(entry, &source)
            }
            if source.diagnostics.count > before { broken.insert(entry.key) }
        }
        if searches.count == 1 { concepts["search"] = searches.removeFirst() }
        return (Mapping(concepts, searches: searches, brokenConcepts: broken), source)
    }

    private static func concept(_ entry: YAMLNode.Entry, _ source: inout SourceText) -> Mapping.Concept? {
        guard case .mapping = entry.value.content else {
            source.report(entry.value, "\(entry.key): write its table, key and fields, e.g. {table: t, key: id}")
            return nil
        }
        for needed in ["table", "key"] where entry.value[needed] == nil {
            // The index of a full-text search has no key of its own.
            if needed == "key", entry.key == "search" { continue }
            source.report(key: entry, "\(entry.key): the concept needs '\(needed)'")
        }
        var concept = Mapping.Concept(table: "", key: [], fields: [:], condition: nil)
        for field in entry.value.entries {
            switch field.key {
            case "table": concept.table = word(field, &source) ?? ""
            case "key": concept.key = words(field, &source)
            case "where": concept.condition = word(field, &source)
            default: concept.fields[field.key] = self.field(field, of: entry.key, &source)
            }
        }
        return concept
    }

    private static func word(_ field: YAMLNode.Entry, _ source: inout SourceText) -> String? {
        guard let text = field.value.text, !text.isEmpty else {
            source.report(field.value, "\(field.key): write a single value")
            return nil
        }
        return oneLine(text)
    }

    private static func words(_ field: YAMLNode.Entry, _ source: inout SourceText) -> [String] {
        if case .sequence(let elements) = field.value.content {
            let words = elements.compactMap(\.text)
            if words.isEmpty || words.count < elements.count {
                source.report(field.value, "\(field.key): write a name, or a list of names")
            }
            return words
        }
        return word(field, &source).map { [$0] } ?? []
    }

    /// `open` and `paid` are values of a status; everything else is a column or an expression.
    private static func field(
        _ field: YAMLNode.Entry, of concept: String, _ source: inout SourceText
    ) -> Mapping.Field? {
        guard isFieldName(field.key) else {
            source.report(key: field, "'\(field.key)' cannot name a field: use letters, digits and _")
            return nil
        }
        let isList = if case .sequence = field.value.content { true } else { false }
        let isExpression = field.value.text?.hasPrefix("(") == true
        if isList || (["open", "paid", "ranks", "failed"].contains(field.key) && !isExpression) {
            return .values(words(field, &source))
        }
        guard let text = word(field, &source) else { return nil }
        guard text.hasPrefix("(") else { return .column(text) }
        guard text.hasSuffix(")"), SQLText.secondStatement(in: text) == nil else {
            source.report(field.value, "\(concept).\(field.key): write the expression in one pair of parentheses")
            return nil
        }
        return .expression(text)
    }

    private static func isFieldName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { ($0 | 32 >= 97 && $0 | 32 <= 122) || (48...57).contains($0) || $0 == 95 }
    }

    /// The lines of a job stay where they are when this is put into them.
    private static func oneLine(_ text: String) -> String {
        text.split { $0.isNewline }.joined(separator: " ")
    }
}

extension Mapping {
    fileprivate func reasonNothingIsKnown(of placeholder: Placeholder) -> String {
        guard placeholder.concept == "search", !searches.isEmpty else {
            return "catalog/mapping.yaml does not say what that is in this database"
        }
        return placeholder.field == "wrong"
            ? "catalog/mapping.yaml does not say which table an index of search is for; write its content: TABLE"
            : "search is a list in catalog/mapping.yaml; write {search.tables}, {search.wrong} or {search.rebuild}"
    }
}

extension SourceText {
    /// What the mapping does not know of the placeholders of a text. When the mapping has mistakes of its own, they
    /// are told once, and not for each placeholder again.
    mutating func report(_ unknown: [Mapping.Placeholder], in text: String, _ mapping: Mapping?) {
        guard let mapping else { return }
        if mapping.isBroken {
            unknown.first.map { report($0, in: text, "catalog/mapping.yaml has mistakes") }
            return
        }
        var told: Set<String> = []
        for placeholder in unknown {
            if !mapping.brokenConcepts.contains(placeholder.concept) {
                report(placeholder, in: text, mapping.reasonNothingIsKnown(of: placeholder))
            } else if told.insert(placeholder.concept).inserted {
                report(placeholder, in: text, "catalog/mapping.yaml has mistakes in \(placeholder.concept)")
            }
        }
    }

    private mutating func report(_ placeholder: Mapping.Placeholder, in text: String, _ message: String) {
        let before = text[..<placeholder.range.lowerBound]
        let line = before.count { $0.isNewline } + 1
        let column = before.reversed().prefix { !$0.isNewline }.reduce(0) { $0 + $1.unicodeScalars.count } + 1
        report(
            YAMLMark(line: line, column: column), length: placeholder.text.unicodeScalars.count,
            "\(placeholder.text): \(message)")
    }
}
