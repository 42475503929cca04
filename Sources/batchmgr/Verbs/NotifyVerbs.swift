internal import BatchCore
internal import BatchEngine

extension Verb {
    static let notifyList = Verb(
        "notify list", "show notices that could not be delivered yet, and jobs that are snoozed",
        details: """
            A notice that does not arrive is tried again by the service, later each time; after eight tries it is dead. What \
            happens in quiet hours waits for their end.
            """,
        topic: .look, role: .viewer, trace: .view,
        examples: [.init("batchmgr notify list", "did everybody hear of it?")])

    static let notifyRedrive = Verb(
        "notify redrive", "send the notices that could not be delivered yet, also dead ones", topic: .govern,
        role: .operator,
        trace: .workspace, examples: [.init("batchmgr notify redrive", "the receiver works again")])

    static let notifySnooze = Verb(
        "notify snooze", "send no notices about a job for a while",
        details: "Damaged records are still reported.",
        options: [
            .value("job", .text("JOB"), "the job (default: all, and what belongs to none)").main,
            .value("for", .text("TIME"), "how long, e.g. 2h"),
            .flag("end", "send notices again"),
        ],
        topic: .govern, role: .operator, trace: .workspace,
        examples: [.init("batchmgr notify snooze nightly_close --for 2h", "somebody is working on it")])
}

extension Command {
    static let notifyList = Command(.notifyList) { (_, call) throws(BatchError) in
        try call.output.show(try call.notices().list())
        return .done
    }

    static let notifyRedrive = Command(.notifyRedrive) { (_, call) throws(BatchError) in
        try call.output.show(try call.notices().sendDue(isForced: true))
        return .done
    }

    static let notifySnooze = Command(.notifySnooze) { (arguments, call) throws(BatchError) in
        let span = arguments.value("for").map { Duration(text: $0) }
        if case .some(nil) = span { throw .usage("--for is not a duration like 30m or 2h", arguments.verb) }
        guard arguments.has("end") == (span == nil) else {
            throw .usage("give either --for TIME or --end", arguments.verb)
        }
        // What was snoozed can be ended, whatever has become of the job.
        if let job = arguments.value("job"), !arguments.has("end") { try call.names().require(job: job) }
        try call.output.show(try call.notices().snooze(arguments.value("job"), for: span ?? nil))
        return .done
    }
}

extension Call {
    fileprivate func notices() throws(BatchError) -> Notices { Notices(try workspace(), context: work) }
}

extension NoticeListReport: TextReport {
    func text(_ style: Style, width: Int) -> String {
        if notices.isEmpty, snoozes.isEmpty { return "every notice was delivered\n" }
        var lines = notices.map { notice in
            "\(notice.number)  \(notice.state.rawValue)  \(notice.event)  \(Printable.text(notice.target))  "
                + "\(notice.attempts) \(notice.attempts == 1 ? "try" : "tries"), next at \(notice.nextAt.seconds): \(Printable.text(notice.reason))"
        }
        lines += snoozes.map { snooze in
            "\(snooze.job.map { "job " + Printable.text($0) } ?? "everything") is snoozed until \(snooze.until.seconds), "
                + "by \(Printable.text(snooze.actor))"
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension NoticeRedriveReport: TextReport {
    func text(_ style: Style, width: Int) -> String { "\(sent) sent, \(left) left\n" }
}

extension SnoozeReport: TextReport {
    func text(_ style: Style, width: Int) -> String {
        snooze.map { "snoozed until \($0.until.seconds)\n" } ?? "notices are sent again\n"
    }
}
