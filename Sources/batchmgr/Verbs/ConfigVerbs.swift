internal import BatchCore
internal import BatchEngine

extension Verb {
    static let configShow = Verb(
        "config show", "show the settings in effect",
        details: """
            What was set with config set overrides the environment, the environment overrides batchmgr.yaml, and that \
            the default. Secrets are not shown.
            """,
        options: [.flag("origin", "also where each comes from")],
        topic: .tool, role: .viewer, trace: .view,
        examples: [.init("batchmgr config show --origin", "why is it this value?")])

    static let configSet = Verb(
        "config set", "set what may change while the service runs",
        details: "It takes effect at once, also in a running service. All of the values are set, or none.",
        options: [
            Option.repeated(
                "set", .pair("NAME=VALUE"), "the setting and its value, e.g. ocr_concurrency=4; may be repeated")
        ],
        topic: .tool, role: .admin, trace: .workspace,
        examples: [.init("batchmgr config set --set ocr_concurrency=4", "read more pages at a time")])
}

extension Command {
    static let configShow = Command(.configShow) { (arguments, call) throws(BatchError) in
        let report = try SettingOrigins(try call.workspace(), context: call.work).report()
        try call.output.show(report, text: report.text(call.terminal.style, withOrigin: arguments.has("origin")))
        return .done
    }

    static let configSet = Command(.configSet) { (arguments, call) throws(BatchError) in
        let members = arguments.values("set").compactMap { entry -> JSONValue.Member? in
            guard let place = entry.firstIndex(of: "=") else { return nil }
            let value = String(entry[entry.index(after: place)...])
            return .init(String(entry[..<place]), Int64(value).map(JSONValue.integer) ?? .string(value))
        }
        guard !members.isEmpty else { throw .missing("--set NAME=VALUE", of: arguments.verb) }
        let workspace = try call.workspace()
        try HotSettings(workspace, context: call.work).set(members)
        let report = try SettingOrigins(workspace, context: call.work).report()
        try call.output.show(
            report, text: report.text(call.terminal.style, withOrigin: true, only: Set(members.map(\.key))))
        return .done
    }
}

extension ConfigReport {
    /// - Parameter names: only these; nil: all.
    func text(_ style: Style, withOrigin: Bool, only names: Set<String>? = nil) -> String {
        var table = TextTable([("SETTING", .left), ("VALUE", .left)] + (withOrigin ? [("FROM", .left)] : []))
        for setting in settings where names?.contains(setting.name) ?? true {
            let place = setting.place.map { " \($0)" } ?? ""
            table.append(
                [setting.name, Printable.text(setting.value)]
                    + (withOrigin
                        ? [setting.origin == .file ? setting.place ?? "" : setting.origin.rawValue + place] : []))
        }
        let faults = settings.compactMap { setting in setting.fault.map { "\(setting.name) \($0)\n" } }
        return table.text(style) + faults.joined()
    }
}
