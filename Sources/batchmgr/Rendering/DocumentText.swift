public import BatchCore

extension DocumentReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let ready =
            waiting == 0
            ? ""
            : "\(Figures.count(waiting, "file")) in data/in: \(style.hint("read now: \(command: "ocr discover")"))\n"
        let room =
            short.isEmpty
            ? ""
            : "\(Figures.count(short.count, "file")) in data/in until the disk has room: "
                + "\(style.hint("make some: \(command: "ocr clean --days 0")"))\n"
        let left = strangers.prefix(style.limit).map { "stays in data/in: \(Printable.text($0.name)) \($0.words)\n" }
        let stays = ready + room + left.joined()
        guard !entries.isEmpty || stays.isEmpty else { return stays }
        guard !entries.isEmpty else { return absence.text(style) }
        var table = TextTable([
            ("KEY", .left), ("STATE", .left), ("PAGES", .right), ("SURE", .right), ("NAME", .left), ("RESULT", .left),
        ])
        let shown = entries.prefix(style.limit)
        let keys = shown.map(\.key)
        for entry in shown {
            table.append([
                DocumentKey.short(entry.key, among: keys), entry.state, entry.pages.map(String.init) ?? "-",
                entry.confidence.map { "\(Int(($0 * 100).rounded())) %" } ?? "-", Printable.text(entry.name),
                entry.finalPDF.map { Printable.text("\(output)/\($0)") } ?? Printable.text(entry.message ?? "-"),
            ])
        }
        var text = table.text(style)
        if entries.count > shown.count {
            text += style.faint("… and \(Figures.grouped(entries.count - shown.count)) more: add --all") + "\n"
        }
        for entry in shown where entry.finalPDF != nil {
            if let message = entry.message { text += Printable.text("\(entry.name): \(message)") + "\n" }
        }
        if let batch { text += style.hint("undo it: \(command: "rollback --id \(batch)")") + "\n" }
        return text + stays
    }
}

extension DocumentReport.Absence {
    fileprivate func text(_ style: Style) -> String {
        switch self {
        case .noDocuments: "no documents: \(style.hint("add one: \(command: "ocr add FILE --wait")"))\n"
        case .noneInState: "no document is in that state: \(style.hint("see all: \(command: "ocr list")"))\n"
        case .nothingToRead: "nothing to read: \(style.hint("add a file: \(command: "ocr add FILE --wait")"))\n"
        case .nothingToRetry: "no document is to be read again: \(style.hint("see all: \(command: "ocr list")"))\n"
        }
    }
}

extension DocumentFieldReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !fields.isEmpty else { return "no fields were found in documents\n" }
        var table = TextTable([
            ("KEY", .left), ("NAME", .left), ("FIELD", .left), ("VALUE", .left), ("SURE", .right), ("PAGE", .right),
            ("STATE", .left),
        ])
        let shown = fields.prefix(style.limit)
        let keys = shown.map(\.key)
        for field in shown {
            table.append([
                DocumentKey.short(field.key, among: keys), Printable.text(field.document), field.field,
                Printable.text(field.value),
                field.confidence.map { "\(Int(($0 * 100).rounded())) %" } ?? "-", field.page.map(String.init) ?? "-",
                field.state,
            ])
        }
        let more = fields.count - shown.count
        return table.text(style)
            + (more > 0 ? style.faint("… and \(Figures.grouped(more)) more: add --all") + "\n" : "")
    }
}

extension DocumentSearchReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !hits.isEmpty else { return "no page has all of these words\n" }
        var table = TextTable([("KEY", .left), ("NAME", .left), ("PAGE", .right), ("TEXT", .left)])
        let keys = hits.map(\.key)
        for hit in hits {
            table.append([
                DocumentKey.short(hit.key, among: keys), Printable.text(hit.name), String(hit.page),
                Printable.text(hit.snippet),
            ])
        }
        return table.text(style)
    }
}

extension DocumentTextReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        pages.map { page in
            let lines = page.text.split(separator: "\n", omittingEmptySubsequences: false).map {
                Printable.text(String($0))
            }
            return (pages.count > 1 ? style.strong("page \(page.number)") + "\n" : "") + lines.joined(separator: "\n")
                + (page.fault.map { fault in
                    Printable.text("(\(page.mode == "gap" ? "a placeholder" : "not read"): the page \(fault))")
                } ?? "") + "\n"
        }.joined(separator: "\n")
    }
}

extension DocumentInfoReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = ""
        for (name, version) in versions { text += "\(name)  \(Printable.text(version))\n" }
        text += "languages  \(languages.joined(separator: " "))\n"
        text += "profiles  \(profiles.joined(separator: " "))\n"
        text += "at once  \(Figures.count(pagesAtOnce, "page"))\n"
        for (state, count) in states { text += "\(state)  \(Figures.grouped(count))\n" }
        return text
    }
}

extension DocumentReviewReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard let first = entries.first else { return "no document waits for a reviewer\n" }
        var table = TextTable([
            ("KEY", .left), ("NAME", .left), ("PAGES", .right), ("SURE", .right), ("REVIEWER", .left),
            ("REASON", .left),
        ])
        let shown = entries.prefix(style.limit)
        let keys = shown.map(\.key)
        for entry in shown {
            table.append([
                DocumentKey.short(entry.key, among: keys), Printable.text(entry.name), String(entry.pages),
                entry.confidence.map { "\(Int(($0 * 100).rounded())) %" } ?? "-",
                entry.reviewer.map(Printable.text) ?? "-", entry.reason,
            ])
        }
        var text = table.text(style)
        if entries.count > shown.count {
            text += style.faint("… and \(Figures.grouped(entries.count - shown.count)) more: add --all") + "\n"
        }
        return text + style.hint("see its words: \(command: "ocr review show \(DocumentKey.exact(first.key))")") + "\n"
    }
}

extension ReviewWordsReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = "\(Printable.text(name))  \(state)" + (reason.map { "  \($0)" } ?? "")
        text += (reviewer.map { "  for \(Printable.text($0))" } ?? "") + "\n"
        guard !words.isEmpty else { return text + "no word has a confidence below \(Int((below * 100).rounded())) %\n" }
        var table = TextTable([("PAGE", .right), ("WORD", .right), ("SURE", .right), ("TEXT", .left)])
        for word in words {
            table.append([
                String(word.page), String(word.number), "\(Int((word.confidence * 100).rounded())) %",
                Printable.text(word.text),
            ])
        }
        text += table.text(style)
        let key = DocumentKey.exact(key)
        if let word = words.first {
            let change: Hint =
                "correct one: \(command: "ocr review correct --key \(key) --page \(word.page) --word \(word.number)=TEXT")"
            text += style.hint(change) + "\n"
        }
        return text
    }
}

extension DocumentCareReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let all = "\(Figures.count(documents, "document")), \(Figures.bytes(Int(bytes))) in \(Printable.text(place))\n"
        return all + (batch.map { style.hint("undo it: \(command: "rollback --id \($0)")") + "\n" } ?? "")
    }
}
