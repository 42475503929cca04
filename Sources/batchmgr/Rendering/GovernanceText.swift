public import BatchCore

extension SwitchReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = "\(Printable.text(state.name.description)) is \(style.strong(state.value.rawValue))"
        text += old == state.value ? " still" : ", and was \(old.rawValue)"
        text += state.expiresAt.map { ", until \($0.iso8601)\n" } ?? "\n"
        for database in behind {
            text +=
                "\(style.caution("note:")) \(Printable.text(database.database)) hears of it with its next batch: \(Printable.text(database.reason))\n"
        }
        return text
    }
}

extension SwitchListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !entries.isEmpty else {
            return isHistory ? "nothing was ever switched\n" : "nothing is held back: every switch is as it comes\n"
        }
        var table = TextTable(
            [("SWITCH", .left), (isHistory ? "CHANGE" : "VALUE", .left), ("BY", .left), ("SET", .left)]
                + [("UNTIL", .left), ("REASON", .left)])
        for entry in entries {
            let state = entry.state
            let value = entry.holds ? style.caution(state.value.rawValue) : state.value.rawValue
            table.append([
                Printable.text(state.name.description), (entry.old.map { "\($0.rawValue) → " } ?? "") + value,
                Printable.text(state.actor), state.setAt.iso8601, state.expiresAt?.iso8601 ?? "-",
                Printable.text(state.reason),
            ])
        }
        return table.text(style)
    }
}

extension OpsKeyReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        """
        private key    \(Printable.text(file)), for \(Printable.text(name)) alone
        public key     \(Printable.text(publicFile))

        """ + style.next("let it count: \(command: "ops trust --name \(name) --key \(publicFile) --role ROLE")")
    }
}

extension OpsTrustReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let name = style.strong(Printable.text(key.name))
        return key.revokedBy == nil
            ? "requests of \(name) count now, as \(key.role.rawValue) (key \(key.key.prefix(16))…)\n"
            : "requests of \(name) count no longer (key \(key.key.prefix(16))…)\n"
    }
}

extension OpsSignReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        """
        \(style.good("signed")) \(Printable.text(file)): \(request.action.name) \(Printable.text(request.action.subject))
        good once, until \(request.expires.iso8601), for \(Printable.text(request.target))

        """ + style.next("use it there: \(command: "ops submit --file \(file)")")
    }
}

extension OpsReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let head = "\(style.strong(Printable.text(signer.name))) asked to \(request.action.name)\n"
        return head + ((answer as? any TextReport)?.text(style, width: width) ?? "")
    }
}

extension OpsListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = targets.map { "target  \(Printable.text($0))\n" }.joined()
        if keys.isEmpty {
            return text
                + style.next("no key counts here: \(command: "ops trust --name NAME --key FILE.pub --role ROLE")")
        }
        var table = TextTable([("NAME", .left), ("ROLE", .left), ("KEY", .left), ("TRUSTED BY", .left), ("", .left)])
        for key in keys {
            let revoked = key.revokedBy.map { style.bad("revoked by \(Printable.text($0))") } ?? ""
            table.append([
                Printable.text(key.name), key.role.rawValue, "\(key.key.prefix(16))…", Printable.text(key.trustedBy),
                revoked,
            ])
        }
        text += table.text(style)
        guard !requests.isEmpty else { return text }
        var used = TextTable([("AT", .left), ("SIGNER", .left), ("REQUEST", .left), ("OUTCOME", .left)])
        for request in requests {
            used.append([
                request.at.iso8601, Printable.text(request.signer),
                "\(request.action) \(Printable.text(request.subject))", Printable.text(request.outcome),
            ])
        }
        return text + used.text(style)
    }
}
