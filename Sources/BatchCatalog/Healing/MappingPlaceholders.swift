internal import BatchCore

/// What placeholders of repair jobs, rules and contracts stand for.
extension Mapping {
    /// `{invoices.total}` in a text: characters from `start` to `end`.
    struct Placeholder {
        let range: Range<String.Index>
        let concept: String
        /// Nil for the table itself.
        let field: String?

        var text: String { field.map { "{\(concept).\($0)}" } ?? "{\(concept)}" }
    }

    /// Only names of concepts count: `{tenant}` in a command and a YAML mapping in braces stay what they are.
    static func placeholders(in text: String) -> [Placeholder] {
        var found: [Placeholder] = []
        var index = text.startIndex
        while let open = text[index...].firstIndex(of: "{") {
            index = text.index(after: open)
            guard let close = text[index...].firstIndex(where: { !isNameCharacter($0) }), text[close] == "}" else {
                continue
            }
            let parts = text[index..<close].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard let concept = parts.first, names.contains(concept), parts.count <= 2 else { continue }
            let range = open..<text.index(after: close)
            found.append(Placeholder(range: range, concept: concept, field: parts.count == 2 ? parts[1] : nil))
            index = range.upperBound
        }
        return found
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "_" || character == ".")
    }

    /// What stands for a placeholder; nil when the mapping does not say it.
    func sql(_ placeholder: Placeholder) -> String? {
        if placeholder.concept == "search", !isBroken, !brokenConcepts.contains("search") {
            switch placeholder.field {
            case "tables": return searches.map { SQLName.quote($0.table) }.joined(separator: ", ")
            case "wrong": return wrongInSearches
            case "rebuild": return rebuilding
            default: break
            }
        }
        guard let concept = concepts[placeholder.concept] else { return nil }
        guard let name = placeholder.field else { return SQLName.quote(concept.table) }
        switch name {
        case "key": return concept.keySQL
        case "key_text": return concept.keyText
        case "where": return concept.condition.map { "(\($0))" } ?? "(1)"
        case "key_columns": return concept.key.map { SQLName.quote($0) }.joined(separator: ", ")
        case "valid" where concept.fields["valid"] == nil: return concept.isValid
        case "error" where placeholder.concept == "cache": return concept.readError
        case "stored" where placeholder.concept == "cache" && concept.fields["stored"] == nil: return concept.keyText
        case "due" where placeholder.concept == "entitlements" && concept.fields["due"] == nil: return entitled(concept)
        case _ where placeholder.concept == "files" && concept.fields[name]?.isColumn != true:
            return FilesConcept(concept).sql(name) ?? concept.fields[name]?.sql
        case _ where placeholder.concept == "roles" && name.hasSuffix("_rank"):
            return concept.rank(of: String(name.dropLast("_rank".count)))
        default: return concept.fields[name]?.sql
        }
    }

    /// Whether an entitlement holds: it has not expired, and its subscription is active where the mapping knows it. Nil
    /// when it knows neither.
    private func entitled(_ entitlements: Concept) -> String? {
        func today(_ concept: Concept?) -> String { concept?.fields["today"]?.sql ?? "(date('now'))" }
        func isLater(_ end: String, _ concept: Concept?) -> String { "(\(end) IS NULL OR \(end) >= \(today(concept)))" }
        var conditions: [String] = []
        if let expires = entitlements.place(of: "expires") { conditions.append(isLater(expires, entitlements)) }
        if let subscription = entitlements.place(of: "subscription"), let own = concepts["subscriptions"],
            let key = own.key.first, own.key.count == 1
        {
            let table = SQLName.quote(own.table)
            var active = ["\(table).\(SQLName.quote(key)) = \(subscription)"]
            if let mine = entitlements.place(of: "tenant"), let its = own.place(of: "tenant") {
                active.append("\(its) IS \(mine)")
            }
            if let status = own.place(of: "status"), case .values? = own.fields["active"] {
                active.append("\(status) IN \(own.fields["active"]?.sql ?? "()")")
            }
            if let ended = own.place(of: "ended") { active.append(isLater(ended, own)) }
            let exists = "EXISTS (SELECT 1 FROM \(table) WHERE \(active.joined(separator: " AND ")))"
            conditions.append("(\(subscription) IS NULL OR \(exists))")
        }
        return conditions.isEmpty ? nil : "(\(conditions.joined(separator: " AND ")))"
    }

    // MARK: Full-text indexes

    /// A table of what is wrong in them: `tenant`, `key` and `reason`. Nil when nothing says what one is an index of.
    private var wrongInSearches: String? {
        let none = "SELECT NULL AS tenant, NULL AS key, NULL AS reason WHERE 0"
        var parts = [none]
        for search in searches {
            guard let wrong = wrong(in: search) else { return nil }
            parts.append(wrong)
        }
        return "(\(parts.joined(separator: " UNION ALL ")))"
    }

    /// Rows that the index does not have, and what it has without a row.
    private func wrong(in search: Concept) -> String? {
        guard let rows = searched(by: search) else { return nil }
        let indexed = search.indexed
        func reason(_ text: String) -> String { SQLLiteral.value(.string("\(text) \(search.table)")) }
        let own = "FROM \(SQLName.quote(rows.table)) WHERE \(rows.condition.map { "(\($0))" } ?? "1")"
        let held = "(SELECT NULL AS k WHERE 0 UNION ALL SELECT * FROM \(indexed))"
        return """
            SELECT \(rows.fields["tenant"]?.sql ?? "NULL"), \(rows.keyText), \(reason("not in the full-text index")) \(own) \
            AND \(rows.keySQL) NOT IN \(indexed) UNION ALL \
            SELECT NULL, k, \(reason("without a row, and in the full-text index")) FROM \(held) \
            WHERE k NOT IN (SELECT \(rows.keySQL) \(own))
            """
    }

    /// What an index is of: its `content`, or the documents.
    private func searched(by search: Concept) -> Concept? {
        guard case .column(let content)? = search.fields["content"] else {
            return search.fields["content"] == nil ? concepts["documents"] : nil
        }
        var rows = search
        rows.table = content
        if rows.key.isEmpty { rows.key = ["rowid"] }
        return rows
    }

    /// Statements that make each of them anew where something is wrong in it; one that does nothing when there are none.
    private var rebuilding: String {
        let statements = searches.compactMap { search in
            let table = SQLName.quote(search.table)
            return wrong(in: search).map { "INSERT INTO \(table)(\(table)) SELECT 'rebuild' WHERE EXISTS (\($0))" }
        }
        return statements.isEmpty ? "SELECT 1" : statements.joined(separator: "; ")
    }

    /// The text with everything filled in, line by line as before, and the placeholders that the mapping does not know.
    func fill(_ text: String) -> (text: String, unknown: [Placeholder]) {
        var (filled, unknown) = ("", [Placeholder]())
        var index = text.startIndex
        for placeholder in Mapping.placeholders(in: text) {
            filled += text[index..<placeholder.range.lowerBound]
            index = placeholder.range.upperBound
            guard let sql = sql(placeholder) else {
                unknown.append(placeholder)
                filled += "NULL"
                continue
            }
            // `{invoices}.{invoices.total}` names the column of the table; an expression needs no table.
            if placeholder.field.map({ concepts[placeholder.concept]?.fields[$0]?.isColumn == false }) == true {
                let table = SQLName.quote(concepts[placeholder.concept]?.table ?? "") + "."
                if filled.hasSuffix(table) { filled.removeLast(table.count) }
            }
            filled += sql
        }
        return (filled + text[index...], unknown)
    }
}
