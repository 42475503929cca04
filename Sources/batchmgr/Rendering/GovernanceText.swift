public import BatchCore

extension SwitchReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let verb = isDryRun ? "would be" : "is"
        var text = "\(Printable.text(state.name.description)) \(verb) \(style.strong(state.value.rawValue))"
        text += old == state.value ? " still" : ", and \(isDryRun ? "is" : "was") \(old.rawValue)"
        text += state.expiresAt.map { ", until \($0.iso8601)\n" } ?? "\n"
        if isDryRun { text += style.caution("dry run, nothing was set") + "\n" }
        for database in behind {
            text +=
                "\(style.caution("note:")) \(Printable.text(database.database)) follows with its next batch: \(Printable.text(database.reason))\n"
        }
        return text
    }
}

extension SwitchListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !entries.isEmpty else {
            return isHistory
                ? "nothing was ever switched\n" : "nothing is held back: every switch has its standard value\n"
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

        """ + style.next("trust it: \(command: "ops trust --name \(name) --key \(publicFile) --role ROLE")")
    }
}

extension OpsTrustReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let name = style.strong(Printable.text(key.name))
        return key.revokedBy == nil
            ? "requests of \(name) are accepted now, as \(key.role.rawValue) (key \(key.key.prefix(16))…)\n"
            : "requests of \(name) are not accepted any more (key \(key.key.prefix(16))…)\n"
    }
}

extension OpsSignReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        """
        \(style.good("signed")) \(Printable.text(file)): \(request.action.name) \(Printable.text(request.action.subject))
        valid once, until \(request.expires.iso8601), for \(Printable.text(request.target))

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
                + style.next("no key is trusted here: \(command: "ops trust --name NAME --key FILE.pub --role ROLE")")
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

extension AuditListReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        guard !rows.isEmpty else { return "no rows\n" }
        let showsTenant = rows.contains { $0.entry.tenant != nil }
        var table = TextTable(
            [("AT", .left), ("CHAIN", .left), ("SEQ", .right), ("ACTOR", .left)]
                + (showsTenant ? [("TENANT", .left)] : [])
                + [("ACTION", .left), ("OUTCOME", .left), ("BATCH", .left), ("TRACE", .left)])
        // The newest are what somebody looks for.
        for row in rows.suffix(style.limit) {
            let entry = row.entry
            let tenant = showsTenant ? [Printable.text(entry.tenant ?? "-")] : []
            table.append(
                [entry.at, row.place.rawValue, String(row.seq), Printable.text(entry.actor)] + tenant
                    + [
                        Printable.text(entry.action), Printable.text(entry.outcome),
                        Printable.text(entry.batch ?? "-"), Printable.text(entry.traceID),
                    ])
        }
        return table.text(style) + style.more(rows.count, "audit list --all")
    }
}

extension AuditReport: TextReport {
    public func text(_ style: Style, width: Int) -> String { ChecksReport(checks: checks).text(style, width: width) }
}

/// A line of the log for people.
public enum LogText {
    /// `2026-11-21T02:00:00.123Z info  step.end  step raise done  reprice.3 7b0c1d2e`
    public static func text(_ line: LogLine, _ style: Style) -> String {
        let level = line.level.rawValue + String(repeating: " ", count: 5 - line.level.rawValue.count)
        let code = line.code.map { [$0] } ?? []
        let parts =
            [line.time, colored(level, line.level, style), line.event, Printable.text(line.message)] + code
            + [line.batch, line.step].compactMap { $0.map(Printable.text) } + [String((line.traceID ?? "-").prefix(8))]
        return parts.joined(separator: "  ")
    }

    private static func colored(_ text: String, _ level: LogLevel, _ style: Style) -> String {
        switch level {
        case .debug, .info: text
        case .warn: style.caution(text)
        case .error: style.bad(text)
        }
    }
}
