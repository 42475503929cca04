/// Number, date and total of a document, found by the words before them.
struct FieldExtraction {
    enum Field: String, CaseIterable {
        case number
        case date
        case total

        /// The longest first.
        var anchors: [String] {
            switch self {
            case .number:
                [
                    "invoice number", "invoice no.", "invoice no", "invoice #", "document number", "numéro de facture",
                    "facture n°", "rechnungsnummer", "rechnung nr.", "rechnung nr",
                ]
            case .date: ["invoice date", "date of invoice", "date de facture", "rechnungsdatum", "datum", "date"]
            case .total:
                [
                    "grand total", "total amount", "amount due", "total due", "total ttc", "montant total",
                    "gesamtbetrag", "summe", "total",
                ]
            }
        }
    }

    struct Found {
        let field: Field
        /// A date as YYYY-MM-DD, a total with a point.
        let value: String
        /// As it stands on the page.
        let text: String
    }

    /// What the lines of a page say; of a total the last one counts, of all others the first.
    static func fields(in text: String, _ wanted: [Field]) -> [Found] {
        var found: [Found] = []
        for field in wanted {
            let all = text.split(whereSeparator: \.isNewline).compactMap { value(of: field, in: String($0)) }
            if let one = field == .total ? all.last : all.first { found.append(one) }
        }
        return found
    }

    private static func value(of field: Field, in line: String) -> Found? {
        let lower = line.lowercased()
        for anchor in field.anchors {
            guard let range = lower.firstRange(of: anchor), isWord(range, in: lower) else { continue }
            let rest = lower[range.upperBound...].drop { " :.#".contains($0) }
            let words = rest.split(separator: " ").map(String.init)
            // As it is written: capitals of a number count.
            let written = line.split(separator: " ").map(String.init)
            func original(_ word: String) -> String { written.first { $0.lowercased() == word } ?? word }
            switch field {
            case .number:
                guard let word = words.first, word.contains(where: \.isNumber) else { continue }
                return Found(field: field, value: trimmed(original(word)), text: original(word))
            case .date:
                guard let word = words.first(where: { date($0) != nil }), let value = date(word) else { continue }
                return Found(field: field, value: value, text: original(word))
            case .total:
                guard let word = words.last(where: { amount($0) != nil }), let value = amount(word) else { continue }
                return Found(field: field, value: value, text: original(word))
            }
        }
        return nil
    }

    private static func isWord(_ range: Range<String.Index>, in line: String) -> Bool {
        func isLetter(_ character: Character?) -> Bool { character.map { $0.isLetter || $0.isNumber } ?? false }
        let before = range.lowerBound > line.startIndex ? line[line.index(before: range.lowerBound)] : nil
        let after = range.upperBound < line.endIndex ? line[range.upperBound] : nil
        return !isLetter(before) && !isLetter(after)
    }

    private static func trimmed(_ word: String) -> String {
        let ends: Set<Character> = [",", ".", ";", ":", "(", ")", "*"]
        return String(word.drop { ends.contains($0) }.reversed().drop { ends.contains($0) }.reversed())
    }

    /// `2026-11-27`, `27.11.2026`, `27/11/2026`: the day before the month, as all but one country write it.
    private static func date(_ word: String) -> String? {
        let parts = trimmed(word).split(whereSeparator: { "-./".contains($0) }).map(String.init)
        guard parts.count == 3, parts.allSatisfy({ $0.allSatisfy { ("0"..."9").contains($0) } }) else { return nil }
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == 3 else { return nil }
        let (year, month, day) =
            parts[0].count == 4 ? (numbers[0], numbers[1], numbers[2]) : (numbers[2], numbers[1], numbers[0])
        guard (1900...2200).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(two(month))-\(two(day))"
    }

    /// `1,234.56`, `1.234,56`, `1234,5`: the last of both signs divides whole from part.
    private static func amount(_ word: String) -> String? {
        let text = trimmed(word).filter { !"€$£".contains($0) }
        guard let first = text.first, ("0"..."9").contains(first) || first == "-" else { return nil }
        guard text.dropFirst().allSatisfy({ ("0"..."9").contains($0) || $0 == "." || $0 == "," }) else { return nil }
        guard let sign = text.lastIndex(where: { $0 == "." || $0 == "," }) else { return text }
        let part = text[text.index(after: sign)...]
        let whole = text[..<sign].filter { $0 != "." && $0 != "," }
        return part.count == 3 ? "\(whole)\(part)" : "\(whole).\(part)"
    }
}
