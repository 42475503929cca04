/// What a statement joins with what: equalities lead from a column of one read to that of another, or to `:tenant`.
extension TenantReadsReader {
    mutating func link(at index: Int) {
        let left: Int
        var right = index + 1
        if isSymbol(index, "=") {
            let before = index > 0 && tokens[index - 1].kind == .symbol ? tokens[index - 1].text : ""
            if ["<", ">", "!"].contains(before) { return consume(index - 2, right) }
            if before == "=" { return }
            if isSymbol(right, "=") { right += 1 }
            left = index - 1
        } else if isWord(index, "is") {
            if isWord(right, "not"), !isWord(right + 1, "distinct") { return consume(index - 1, right + 1) }
            if isWord(right, "not") { right += 3 }
            left = index - 1
        } else if isWord(index, "in") {
            left = isWord(index - 1, "not") ? index - 2 : index - 1
        } else {
            if isSymbol(index, ">") || isSymbol(index, "<") { consume(index - 1, right) }
            return
        }
        let isWider = isWidened(index)
        let nodes = (operand(endingAt: left) + operand(beginningAt: right)).filter { $0 != 0 || !isWider }
        for node in nodes.dropFirst() { union(nodes[0], node) }
    }

    /// Whether an OR beside a comparison lets other rows through: one that names neither `:tenant` nor asks for NULL.
    private func isWidened(_ index: Int) -> Bool {
        var place: Int? = index
        while let inner = place {
            let (parts, open) = alternatives(around: inner)
            for part in parts where !part.contains(inner) {
                let isNull = part.contains { isWord($0, "is") && isWord($0 + 1, "null") }
                if !isNull, !part.contains(where: isTenant) { return true }
            }
            place = open
        }
        return false
    }

    /// What is joined by OR on the level of a token, and the parenthesis around it; nil where the condition begins.
    private func alternatives(around index: Int) -> (parts: [Range<Int>], open: Int?) {
        func isInside(_ place: Int) -> Bool {
            tokens.indices.contains(place) && tokens[place].isCondition && tokens[place].scope == tokens[index].scope
        }
        var (start, open, ors) = (index, Int?.none, [Int]())
        while isInside(start - 1) || isSymbol(start - 1, ")") {
            let before = start - 1
            if isSymbol(before, ")"), let partner = tokens[before].partner {
                start = partner
            } else if isSymbol(before, "(") {
                open = isInside(before) ? before : nil
                break
            } else if isWord(before, "where", "on", "having") {
                break
            } else {
                if isWord(before, "or") { ors.append(before) }
                start = before
            }
        }
        var end = index
        while end < tokens.count, isInside(end) || isSymbol(end, "(") {
            if isSymbol(end, ")") { break }
            if isSymbol(end, "("), let partner = tokens[end].partner {
                end = partner + 1
            } else {
                if isWord(end, "or") { ors.append(end) }
                end += 1
            }
        }
        let bounds = [start - 1] + ors.sorted() + [end]
        return (zip(bounds, bounds.dropFirst()).map { $0 + 1..<max($0 + 1, $1) }, open)
    }

    private mutating func consume(_ places: Int...) {
        consumed.formUnion(places)
    }

    private mutating func operand(endingAt index: Int) -> [Int] {
        guard tokens.indices.contains(index) else { return [] }
        if isSymbol(index, ")"), let open = tokens[index].partner { return inside(open, index) }
        guard isSymbol(index - 1, ".") else { return node(at: index, of: nil) }
        return node(at: index, of: index >= 2 ? tokens[index - 2].text : nil)
    }

    private mutating func operand(beginningAt index: Int) -> [Int] {
        guard tokens.indices.contains(index) else { return [] }
        if isSymbol(index, "("), let close = tokens[index].partner { return inside(index, close) }
        if isSymbol(index + 1, "("), let close = tokens[index + 1].partner { return inside(index + 1, close) }
        guard isSymbol(index + 1, "."), index + 2 < tokens.count else { return node(at: index, of: nil) }
        return node(at: index + 2, of: tokens[index].text)
    }

    /// All that is named between parentheses; of a subquery, what it reads first.
    private mutating func inside(_ open: Int, _ close: Int) -> [Int] {
        if let group = group(openedBy: open) { return first(of: group) }
        var (nodes, index) = ([Int](), open + 1)
        while index < close {
            if isSymbol(index, "("), let end = tokens[index].partner {
                nodes += inside(index, end)
                index = end
            } else if !isSymbol(index + 1, "."), !isSymbol(index + 1, "(") {
                nodes += operand(endingAt: index)
            }
            index += 1
        }
        return nodes
    }

    func first(of group: Int) -> [Int] {
        scopes.filter { $0.group == group }.compactMap { $0.reads.first.map { $0 + 1 } }
    }

    private mutating func node(at index: Int, of qualifier: String?) -> [Int] {
        let token = tokens[index]
        if token.kind == .variable {
            consumed.insert(index)
            return isTenant(index) ? [0] : []
        }
        guard token.kind == .word || token.kind == .quoted else { return [] }
        var scope: Int? = token.scope
        while let place = scope {
            let own = scopes[place].reads
            let found =
                qualifier.map { name in own.filter { reads[$0].name == name || reads[$0].table == name } }
                ?? known(token.text, own)
            if !found.isEmpty { return found.map { $0 + 1 } }
            scope = scopes[place].parent
        }
        return []
    }

    private func known(_ column: String, _ own: [Int]) -> [Int] {
        let sure = own.filter {
            reads[$0].columns?.contains(column) == true
                || reads[$0].columns != nil && TenantReadsReader.rowIDs.contains(column)
        }
        if !sure.isEmpty { return sure }
        if column.first?.isNumber == true || column == "null" { return [] }
        return own.filter { reads[$0].columns == nil }
    }

    // MARK: Union-find

    func root(_ node: Int) -> Int {
        var node = node
        while links[node] != node { node = links[node] }
        return node
    }

    mutating func union(_ a: Int, _ b: Int) {
        let (first, second) = (root(a), root(b))
        if first != second { links[max(first, second)] = min(first, second) }
    }
}
