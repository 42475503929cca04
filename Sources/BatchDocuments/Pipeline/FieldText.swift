internal import BatchCore

/// Finds fields in the text of a page: words that announce a value, and the value after them, in the same line or at the
/// beginning of the next one.
struct FieldText {
    struct Found: Hashable {
        /// As it is kept.
        let value: String
        /// As it stands on the page.
        let text: String
    }

    private let lines: [[Substring]]

    /// So many words may stand between the announcement and its value: `Total incl. VAT in EUR: 250.00`.
    private static let mostBetween = 4

    init(_ text: String) {
        lines = text.split(whereSeparator: \.isNewline).map { $0.split(whereSeparator: \.isWhitespace) }
    }

    /// In the order of the text.
    func all(_ rule: FieldRule) -> [Found] {
        for announcement in rule.after {
            let words = announcement.split(whereSeparator: \.isWhitespace).map { FieldText.bare($0) }
            let found = places(words).compactMap { place in value(of: rule, at: place.line, from: place.word) }
            if !found.isEmpty { return found }
        }
        return []
    }

    /// Where the value may begin.
    private func places(_ words: [String]) -> [(line: Int, word: Int)] {
        var places: [(Int, Int)] = []
        for (number, line) in lines.enumerated() where line.count >= words.count {
            let bare = line.map(FieldText.bare)
            for start in 0...(line.count - words.count) where Array(bare[start..<start + words.count]) == words {
                places.append((number, start + words.count))
            }
        }
        return places
    }

    /// Small letters, without what stands around a word.
    private static func bare(_ word: Substring) -> String {
        let letters = word.drop { !$0.isLetter && !$0.isNumber }
        let end = letters.lastIndex { $0.isLetter || $0.isNumber }
        return String(end.map { letters[...$0] } ?? letters[...]).lowercased()
    }

    private func value(of rule: FieldRule, at line: Int, from word: Int) -> Found? {
        let rest = lines[line][word...]
        for start in rest.indices.prefix(FieldText.mostBetween + 1) {
            if let found = FieldText.read(rest[start...], rule) { return found }
        }
        guard line + 1 < lines.count, !lines[line + 1].isEmpty, rest.allSatisfy({ FieldText.bare($0).isEmpty }) else {
            return nil
        }
        return FieldText.read(lines[line + 1][...], rule)
    }

    private static func read(_ words: ArraySlice<Substring>, _ rule: FieldRule) -> Found? {
        switch rule.shape {
        case .code: code(words)
        case .date: FieldDate(begins: rule.begins).read(words)
        case .amount: FieldAmount.read(words)
        }
    }

    private static func code(_ words: ArraySlice<Substring>) -> Found? {
        guard let first = words.first else { return nil }
        let isInside: (Character) -> Bool = { $0.isASCII && ($0.isLetter || $0.isNumber) }
        let start = first.drop { !isInside($0) }
        guard let end = start.lastIndex(where: isInside) else { return nil }
        let code = start[...end]
        let isPlain = code.allSatisfy { isInside($0) || "-/._".contains($0) }
        guard isPlain, code.contains(where: \.isNumber), code.count <= 40 else { return nil }
        return Found(value: String(code), text: String(first))
    }
}

/// An amount of money, as people write it: `1,234.50`, `1.234,50 €`, `1 234,50`, `250`.
enum FieldAmount {
    static func read(_ words: ArraySlice<Substring>) -> FieldText.Found? {
        guard var digits = number(words.first ?? "") else { return nil }
        var used = 1
        // A space may divide thousands.
        while !digits.contains(where: { ".,".contains($0) }), let next = words.dropFirst(used).first.flatMap(number),
            next.prefix(3).count(where: \.isNumber) == 3,
            next.count == 3 || ".,".contains(next.dropFirst(3).first ?? "0")
        {
            digits += next
            used += 1
        }
        guard let value = plain(digits) else { return nil }
        return FieldText.Found(value: value, text: words.prefix(used).joined(separator: " "))
    }

    /// The digits of a word, with what divides them, without a currency.
    private static func number(_ word: Substring) -> Substring? {
        let start = word.drop { !$0.isASCII || !$0.isNumber }
        guard let end = start.lastIndex(where: { $0.isASCII && $0.isNumber }) else { return nil }
        let around = word[..<start.startIndex] + start[end...].dropFirst()
        guard around.allSatisfy({ !$0.isNumber && $0 != "-" && $0 != "/" && $0 != "%" }), around.count <= 4 else {
            return nil
        }
        let digits = start[...end].filter { $0 != "'" && $0 != "’" }
        return digits.allSatisfy { $0.isNumber || ".,".contains($0) } ? Substring(digits) : nil
    }

    /// The last of two different marks divides the decimals; one mark alone does when two digits stand after it.
    private static func plain(_ digits: Substring) -> String? {
        let parts = digits.split(omittingEmptySubsequences: false) { ".,".contains($0) }
        let marks = digits.filter { ".,".contains($0) }
        guard parts.allSatisfy({ !$0.isEmpty }), digits.count <= 20 else { return nil }
        let hasDecimals =
            parts.count > 1 && parts[parts.count - 1].count == 2 && marks.dropLast().allSatisfy { $0 != marks.last }
        let whole = hasDecimals ? parts.dropLast() : parts[...]
        guard whole.dropFirst().allSatisfy({ $0.count == 3 }), whole.count == 1 || (1...3).contains(whole[0].count)
        else {
            return nil
        }
        guard Set(marks.prefix(whole.count - 1)).count <= 1 else { return nil }
        let number = whole.joined().drop { $0 == "0" }
        return (number.isEmpty ? "0" : String(number)) + "." + (hasDecimals ? String(parts[parts.count - 1]) : "00")
    }
}

/// A date, as people write it: `2026-03-31`, `31.03.2026`, `31 March 2026`, `March 31, 2026`.
struct FieldDate {
    let begins: FieldRule.DateOrder

    private static let months = [
        ["jan", "ene", "gen"], ["feb", "fev", "fév"], ["mar", "mär", "mrz"], ["apr", "avr", "abr"], ["may", "mai"],
        ["jun", "juin", "giu"], ["jul", "juil", "lug"], ["aug", "aou", "aoû", "ago"], ["sep", "set"],
        ["oct", "okt", "ott"],
        ["nov"], ["dec", "dez", "déc", "dic"],
    ]

    func read(_ words: ArraySlice<Substring>) -> FieldText.Found? {
        guard let first = words.first else { return nil }
        let last = first.lastIndex { $0.isNumber }
        if let date = numbers(last.map { first[...$0] } ?? first) { return .init(value: date, text: String(first)) }
        let three = Array(words.prefix(3))
        guard three.count == 3, let year = FieldDate.number(three[2]), three[2].count(where: \.isNumber) == 4 else {
            return nil
        }
        let named = FieldDate.month(three[1]).map { ($0, three[0]) } ?? FieldDate.month(three[0]).map { ($0, three[1]) }
        guard let (month, word) = named, let day = FieldDate.number(word) else { return nil }
        return FieldDate.text(year, month, day).map { .init(value: $0, text: three.joined(separator: " ")) }
    }

    private func numbers(_ word: Substring) -> String? {
        let parts = word.split { ".-/".contains($0) }
        guard parts.count == 3, word.count(where: { ".-/".contains($0) }) == 2 else { return nil }
        let numbers = parts.compactMap(FieldDate.number)
        guard numbers.count == 3 else { return nil }
        if parts[0].count == 4 { return FieldDate.text(numbers[0], numbers[1], numbers[2]) }
        let year = parts[2].count == 2 ? 2_000 + numbers[2] : numbers[2]
        let (day, month) = begins == .day ? (numbers[0], numbers[1]) : (numbers[1], numbers[0])
        return FieldDate.text(year, month, day)
    }

    /// `31st`, `31.`, `2026,`: the number at the beginning; nil when other digits follow.
    private static func number(_ word: Substring) -> Int? {
        let digits = word.prefix { $0.isASCII && $0.isNumber }
        return word.dropFirst(digits.count).contains(where: \.isNumber) ? nil : Int(digits)
    }

    private static func month(_ word: Substring) -> Int? {
        let name = word.filter(\.isLetter).lowercased()
        guard (3...10).contains(name.count) else { return nil }
        return months.firstIndex { $0.contains { name.hasPrefix($0) } }.map { $0 + 1 }
    }

    private static func text(_ year: Int, _ month: Int, _ day: Int) -> String? {
        func two(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
        let text = "\(year)-\(two(month))-\(two(day))"
        // The day has to be one of the calendar.
        guard (1_900...2_199).contains(year), let known = Timestamp(iso8601: text + "T00:00:00.000Z"),
            known.iso8601.hasPrefix(text)
        else { return nil }
        return text
    }
}
