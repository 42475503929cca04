/// Which tables of tenants a statement reads without limiting the rows to those of one tenant: each read by itself.
///
/// A read is limited when equalities in conditions lead from one of its columns to `:tenant`, directly or over other reads:
/// `l.bill = b.no AND b.owner = :tenant` limits both. What cannot be followed counts as limited: this is for warnings, and a
/// wrong one is worse than none.
public struct TenantReads {
    /// A table or view of the database. All names are folded.
    public struct Relation: Sendable {
        public let columns: Set<String>
        /// It has rows of tenants.
        public let isOfTenants: Bool

        public init(columns: Set<String>, isOfTenants: Bool) {
            self.columns = columns
            self.isOfTenants = isOfTenants
        }
    }

    /// Folded names, in the order of the text.
    public let unlimited: [String]

    /// - Parameter relations: by their folded names.
    public init(_ sql: String, relations: [String: Relation]) {
        var reader = TenantReadsReader(sql, relations)
        reader.read()
        unlimited = reader.unlimited
    }
}

/// Reads a statement from left to right, and notes what is joined with what.
struct TenantReadsReader {
    struct Token {
        let kind: SQLTokens.Kind
        /// Folded, without quotes.
        let text: String
        /// Of a parenthesis: its partner.
        var partner: Int?
        /// The SELECT, or one part of a UNION, that it stands in.
        var scope = 0
        /// It is in a WHERE, ON or HAVING.
        var isCondition = false
    }

    struct Scope {
        let parent: Int?
        /// Parts of one UNION have the same.
        let group: Int
        var reads: [Int] = []
    }

    /// One table in a FROM.
    struct Read {
        let name: String
        let table: String?
        /// Nil where its columns are not known: of a subquery, of a function.
        let columns: Set<String>?
        let isOfTenants: Bool
    }

    var tokens: [Token] = []
    var scopes = [Scope(parent: nil, group: 0)]
    var reads: [Read] = []
    /// Groups of scopes by the name of a WITH.
    private var named: [String: Int] = [:]
    /// Union-find: 0 is `:tenant`, `n + 1` read `n`.
    var links = [0]
    var consumed: Set<Int> = []
    private let relations: [String: TenantReads.Relation]

    private static let endings: Set<String> = [
        "where", "on", "using", "join", "left", "right", "inner", "cross", "natural", "full", "outer", "group", "order",
        "limit", "having", "union", "intersect", "except", "set", "indexed", "not", "window", "returning", "select",
        "from", "values", "default",
    ]
    static let rowIDs: Set<String> = ["rowid", "oid", "_rowid_"]

    init(_ sql: String, _ relations: [String: TenantReads.Relation]) {
        self.relations = relations
        var cutter = SQLTokens(sql)
        while let token = cutter.next() {
            var text = SQLName.folded(cutter.text(token))
            if token.kind == .quoted { text = String(text.dropFirst().dropLast()) }
            tokens.append(Token(kind: token.kind, text: text))
        }
        var open: [Int] = []
        for (index, token) in tokens.enumerated() where token.kind == .symbol {
            if token.text == "(" { open.append(index) }
            if token.text == ")", let partner = open.popLast() {
                tokens[index].partner = partner
                tokens[partner].partner = index
            }
        }
    }

    var unlimited: [String] {
        reads.indices.filter { reads[$0].isOfTenants && root($0 + 1) != root(0) }.compactMap { reads[$0].table }
    }

    mutating func read() {
        placeScopes()
        findReads()
        for index in tokens.indices where tokens[index].isCondition { link(at: index) }
        // Used in a way that is not understood.
        for (index, token) in tokens.enumerated()
        where token.isCondition && isTenant(index) && !consumed.contains(index) {
            for read in scopes[token.scope].reads { union(0, read + 1) }
        }
    }

    // MARK: Scopes and clauses

    func isWord(_ index: Int, _ words: String...) -> Bool {
        tokens.indices.contains(index) && tokens[index].kind == .word && words.contains(tokens[index].text)
    }

    func isSymbol(_ index: Int, _ symbol: String) -> Bool {
        tokens.indices.contains(index) && tokens[index].kind == .symbol && tokens[index].text == symbol
    }

    func isTenant(_ index: Int) -> Bool {
        tokens[index].kind == .variable && tokens[index].text.dropFirst() == "tenant"
    }

    private mutating func placeScopes() {
        var stack = [(scope: 0, isCondition: false)]
        for index in tokens.indices {
            let token = tokens[index]
            if token.kind == .symbol, token.text == ")", stack.count > 1 { stack.removeLast() }
            let top = stack.count - 1
            if token.kind == .word {
                switch token.text {
                case "where", "on", "having": stack[top].isCondition = true
                case "from" where isWord(index - 1, "distinct"): break
                case "select", "from", "join", "set", "group", "order", "limit", "window", "returning", "values":
                    stack[top].isCondition = false
                case "union", "intersect", "except":
                    let old = scopes[stack[top].scope]
                    scopes.append(Scope(parent: old.parent, group: old.group))
                    stack[top] = (scopes.count - 1, false)
                default: break
                }
            }
            tokens[index].scope = stack[top].scope
            tokens[index].isCondition = stack[top].isCondition
            guard token.kind == .symbol, token.text == "(" else { continue }
            if isWord(index + 1, "select", "with", "values") {
                scopes.append(Scope(parent: stack[top].scope, group: scopes.count))
                stack.append((scopes.count - 1, false))
            } else {
                stack.append(stack[top])
            }
        }
    }

    // MARK: Reads

    private mutating func findReads() {
        for index in tokens.indices where isWord(index, "as") {
            let body = isWord(index + 1, "materialized") ? index + 2 : isWord(index + 1, "not") ? index + 3 : index + 1
            guard isSymbol(body, "("), let group = group(openedBy: body), index > 0 else { continue }
            let name = isSymbol(index - 1, ")") ? (tokens[index - 1].partner ?? index) - 1 : index - 1
            if name >= 0 { named[tokens[name].text] = group }
        }
        var (levels, index) = ([false], 0)
        while index < tokens.count {
            let token = tokens[index]
            var isItemNext = false
            switch (token.kind, token.text) {
            case (.symbol, "("): levels.append(false)
            case (.symbol, ")"): if levels.count > 1 { levels.removeLast() }
            case (.symbol, ","): isItemNext = levels[levels.count - 1]
            case (.word, "from") where !isWord(index - 1, "distinct"), (.word, "join"):
                levels[levels.count - 1] = true
                isItemNext = true
            case (.word, "update"): isItemNext = !isWord(index + 1, "set")
            case (.word, "where"), (.word, "set"), (.word, "group"), (.word, "order"), (.word, "select"),
                (.word, "having"), (.word, "limit"), (.word, "union"), (.word, "except"), (.word, "intersect"),
                (.word, "returning"), (.word, "window"):
                levels[levels.count - 1] = false
            default: break
            }
            index += 1
            guard isItemNext else { continue }
            if isWord(index, "or") { index += 2 }
            let isNatural = isWord(index - 2, "natural") || isWord(index - 3, "natural")
            // A join in parentheses.
            while isSymbol(index, "("), group(openedBy: index) == nil {
                levels.append(true)
                index += 1
            }
            if let end = addRead(at: index, isNatural: isNatural) { index = end }
        }
        for (read, group) in derived {
            for node in first(of: group) { union(read + 1, node) }
        }
    }

    /// The scope that a parenthesis opens.
    func group(openedBy index: Int) -> Int? {
        guard isWord(index + 1, "select", "with", "values") else { return nil }
        return scopes[tokens[index + 1].scope].group
    }

    /// - Returns: where to go on; inside of a subquery for one.
    private mutating func addRead(at index: Int, isNatural: Bool) -> Int? {
        guard index < tokens.count else { return nil }
        var (end, table, inner) = (index, String?.none, Int?.none)
        if isSymbol(index, "("), let partner = tokens[index].partner {
            inner = group(openedBy: index)
            end = partner + 1
        } else if [.word, .quoted].contains(tokens[index].kind), !isWord(index, "set", "select") {
            let isQualified = isSymbol(index + 1, ".")
            end = index + (isQualified ? 3 : 1)
            guard end - 1 < tokens.count else { return nil }
            let name = tokens[end - 1].text
            inner = isQualified ? nil : named[name]
            table = name
            if isSymbol(end, "("), let partner = tokens[end].partner { (table, end) = (nil, partner + 1) }
        } else {
            return nil
        }
        let place = end
        if isWord(end, "as") { end += 1 }
        let isAlias =
            end < tokens.count
            && (tokens[end].kind == .quoted
                || tokens[end].kind == .word && !TenantReadsReader.endings.contains(tokens[end].text))
        let name = isAlias ? tokens[end].text : table ?? ""
        let relation = inner == nil ? table.flatMap { relations[$0] } : nil
        let scope = tokens[index].scope
        let own = reads.count
        links.append(own + 1)
        reads.append(
            Read(
                name: name, table: inner == nil ? table : nil, columns: relation?.columns,
                isOfTenants: relation?.isOfTenants ?? false))
        let rest = isAlias ? end + 1 : place
        if isNatural || isWord(rest, "using") {
            for other in scopes[scope].reads { union(own + 1, other + 1) }
        }
        scopes[scope].reads.append(own)
        if let inner { derived.append((own, inner)) }
        return isSymbol(index, "(") ? index : rest
    }

    /// Subqueries in a FROM, and what they stand for.
    private var derived: [(read: Int, group: Int)] = []
}
