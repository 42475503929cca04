public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchSystem

/// A setting that has a name in the environment too, and what its value may be.
public struct KnownSetting: Sendable {
    public enum Rule: Hashable, Sendable {
        case number(ClosedRange<Int>)
        /// 0 or more, with decimals.
        case factor
        /// As Tesseract names them.
        case languages
        case choice([String])
        case text
    }

    /// As `config show` and `GET /config` name it.
    public let name: String
    /// As operators know it from the environment.
    public let variable: String
    public let rule: Rule
    /// What holds when nobody has set it.
    let otherwise: String
    /// What may be set while the service runs; nil: it cannot be.
    public var hot: Rule?
    /// Whether a value that cannot be meant counts for nothing; else whoever needs the setting refuses to work.
    var isIgnoredWhenWrong = false

    init(
        _ name: String, _ variable: String, _ rule: Rule, _ otherwise: String, hot: Rule? = nil,
        isIgnoredWhenWrong: Bool = false
    ) {
        self.name = name
        self.variable = variable
        self.rule = rule
        self.otherwise = otherwise
        self.hot = hot
        self.isIgnoredWhenWrong = isIgnoredWhenWrong
    }

    public static let all: [KnownSetting] = [
        KnownSetting("prep_concurrency", "PREP_CONCURRENCY", .number(1...16), "2", hot: .number(1...16)),
        KnownSetting(
            "ocr_concurrency", "OCR_CONCURRENCY", .number(1...8), "\(min(max(HostFigures.processors, 1), 8))",
            hot: .number(1...8)),
        KnownSetting("job_timeout_s", "JOB_TIMEOUT_SECONDS", .number(1...7_200), "600", hot: .number(60...7_200)),
        KnownSetting("default_ocr_lang", "OCR_LANG", .languages, OCRModels.usual, hot: .languages),
        KnownSetting("http.port", "ORCHESTRATOR_HTTP_PORT", .number(0...65_535), "18083"),
        KnownSetting("http.bind", "ORCHESTRATOR_HTTP_BIND", .text, "127.0.0.1"),
        KnownSetting("max_jobs_in_flight", "MAX_JOBS_IN_FLIGHT", .number(1...1_000), "3"),
        KnownSetting("poll_interval_ms", "POLL_INTERVAL_MS", .number(100...3_600_000), "1000"),
        KnownSetting("max_attempts_prep", "MAX_ATTEMPTS_PREP", .number(1...100), "3"),
        KnownSetting("max_attempts_ocr", "MAX_ATTEMPTS_OCR", .number(1...100), "3"),
        KnownSetting("max_input_size_mb", "MAX_INPUT_SIZE_MB", .number(1...1_000_000), "500"),
        KnownSetting("min_pdf_size_bytes", "MIN_PDF_SIZE_BYTES", .number(0...1_000_000_000), "1024"),
        KnownSetting("disk_free_factor", "DISK_FREE_FACTOR", .factor, "2.0"),
        KnownSetting("on_disk_short", "ON_DISK_SHORT", .choice(["wait", "reject"]), "wait"),
        KnownSetting("keep_work_dir_days", "KEEP_WORK_DIR_DAYS", .number(0...36_500), "7"),
        KnownSetting(
            "keep", "BATCHMGR_KEEP", .choice(["all"]), "as batchmgr.yaml says", isIgnoredWhenWrong: true),
        KnownSetting(
            "log.level", "LOG_LEVEL", .choice(["debug", "info", "warn", "warning", "error"]), "info",
            isIgnoredWhenWrong: true),
        KnownSetting(
            "log.json", "LOG_JSON", .choice(["1", "true", "yes", "on", "0", "false", "no", "off"]), "false",
            isIgnoredWhenWrong: true),
        KnownSetting(
            "log.max_kib", "LOG_ROTATE_MAX_BYTES", .number(1_024...15 << 20), "10240", isIgnoredWhenWrong: true),
        KnownSetting("log.keep", "LOG_ROTATE_BACKUPS", .number(0...1_000), "5", isIgnoredWhenWrong: true),
    ]

    /// The others are in groups of their own.
    var isOfDocuments: Bool { !name.contains(".") && name != "keep" }

    /// What a text that is no such value should be, in words that follow its name; nil when it is one.
    func fault(_ text: String, _ rule: Rule? = nil) -> String? {
        switch rule ?? self.rule {
        case .number(let range):
            if let number = Int(text), range.contains(number) { return nil }
            return "is not a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .factor:
            if let factor = Double(text), factor >= 0 { return nil }
            return "is not a number of 0 or more"
        case .languages:
            return KnownSetting.areLanguages(text) ? nil : "is not languages as Tesseract names them, like fra+eng"
        case .choice(let words):
            let isLog = name.hasPrefix("log.")
            return words.contains(isLog ? text.lowercased() : text) ? nil : "is not \(words.joined(separator: ", "))"
        case .text: return nil
        }
    }

    /// What the environment says.
    /// - Throws: `ERR_UX_INVALID_CONFIGURATION` when it cannot be meant.
    public static func environment(_ variable: String) throws(BatchError) -> String? {
        guard let text = Environment.value(variable), let setting = all.first(where: { $0.variable == variable }) else {
            return nil
        }
        guard let fault = setting.fault(text) else { return text }
        if setting.isIgnoredWhenWrong { return nil }
        throw BatchError(
            .invalidConfiguration, "\(variable) \(fault)",
            hint: "correct the variable of the environment; see all: \(command: "config show --origin")")
    }

    /// - Throws: `ERR_UX_INVALID_CONFIGURATION` with every variable that cannot be meant.
    public static func requireValidEnvironment() throws(BatchError) {
        var faults: [String] = []
        for setting in all {
            do throws(BatchError) { _ = try environment(setting.variable) } catch { faults.append(error.message) }
        }
        guard !faults.isEmpty else { return }
        throw BatchError(
            .invalidConfiguration, faults.joined(separator: "; "),
            hint: "correct the variables of the environment; see all: \(command: "config show --origin")")
    }

    /// `eng`, `fra+eng`, `chi_sim`
    private static func areLanguages(_ text: String) -> Bool {
        let parts = text.split(separator: "+", omittingEmptySubsequences: false)
        return parts.count <= 8
            && parts.allSatisfy { part in
                (3...20).contains(part.utf8.count)
                    && part.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || $0 == UInt8(ascii: "_") }
            }
    }
}

/// Settings that may be changed while a service runs: what was set last, else the environment, else the default.
public struct HotSettings {
    private let context: Context
    private let store: any ControlStore

    public static let table = KnownSetting.all.filter { $0.hot != nil }

    public init(_ workspace: Workspace, context: Context) throws(BatchError) {
        self.context = context
        store = try context.control(in: workspace.backups)
    }

    /// What was set, by the names of the environment.
    public static func chosen(_ workspace: Workspace, context: Context) throws(BatchError) -> [String: String] {
        guard workspace.hasRecords else { return [:] }
        let known = try context.control(in: workspace.backups).settings()
        return table.reduce(into: [:]) { $0[$1.variable] = known[$1.name] }
    }

    /// What the tool has noted for itself, beside what people set; nil when it has noted nothing.
    public static func note(
        _ name: String, _ workspace: Workspace, context: Context
    ) throws(BatchError) -> String? {
        guard workspace.hasRecords else { return nil }
        return try context.control(in: workspace.backups).settings()[name]
    }

    public static func keep(
        _ name: String, _ text: String, _ workspace: Workspace, context: Context
    ) throws(BatchError) {
        try context.control(in: workspace.backups).set([(name, text)], context.act(on: name))
    }

    /// As `config show` tells them.
    public func values() throws(BatchError) -> [JSONValue.Member] {
        let known = try store.settings()
        return KnownSetting.all.filter(\.isOfDocuments).map { entry in
            let text = known[entry.name] ?? Environment.value(entry.variable) ?? entry.otherwise
            if case .number = entry.rule, let number = Int64(text) { return .init(entry.name, .integer(number)) }
            if case .factor = entry.rule, let number = Double(text) { return .init(entry.name, .number(number)) }
            return .init(entry.name, .string(text))
        }
    }

    /// Sets all of them or none.
    /// - Throws: `ERR_UX_USAGE` naming the first that is unknown or out of range.
    public func set(_ members: [JSONValue.Member]) throws(BatchError) {
        var settings: [(name: String, value: String)] = []
        for member in members {
            guard let entry = HotSettings.table.first(where: { $0.name == member.key }) else {
                throw BatchError(
                    .usage, "'\(member.key.prefix(100))' is not a setting that can be changed while the service runs",
                    hint: "these can: \(HotSettings.table.map(\.name).joined(separator: ", "))")
            }
            let text: String? =
                switch member.value {
                case .integer(let number): String(number)
                case .string(let text): text
                default: nil
                }
            // A number in quotes is no number here.
            let isKind =
                switch (entry.rule, member.value) {
                case (.number, .integer), (.languages, .string): true
                default: false
                }
            if isKind, let text, entry.fault(text, entry.hot) == nil {
                settings.append((entry.name, text))
                continue
            }
            let fault = entry.fault(isKind ? text ?? "" : "", entry.hot) ?? ""
            throw BatchError(.usage, "'\(entry.name)' \(fault)", hint: "nothing was changed")
        }
        guard !settings.isEmpty else { return }
        try store.set(settings, context.act(context.action(or: "config set")))
    }
}

/// Where each setting of a workspace comes from. What was set while the service runs goes before the environment, the
/// environment before `batchmgr.yaml`, and that before the default.
public struct SettingOrigins {
    private let workspace: Workspace
    private let context: Context

    public init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    /// Parts of names whose values nobody is shown.
    private static let secrets = ["secret", "password", "token", "authorization"]

    public func report() throws(BatchError) -> ConfigReport {
        let written = try writtenSettings()
        let set = workspace.hasRecords ? try context.control(in: workspace.backups).settings() : [:]
        var settings: [ConfigReport.Setting] = []
        for entry in KnownSetting.all { settings.append(setting(entry, set: set[entry.name], written)) }
        let named = Set(settings.map(\.name))
        settings += written.filter { !named.contains($0.name) }.map(setting)
        return ConfigReport(settings: settings)
    }

    private func writtenSettings() throws(BatchError) -> [WrittenSetting] {
        guard let path = workspace.file else { return [] }
        return try WrittenSetting.read(String(decoding: try DurableFile.read(path), as: UTF8.self))
    }

    private func setting(
        _ known: KnownSetting, set: String?, _ written: [WrittenSetting]
    ) -> ConfigReport.Setting {
        if let set { return .init(known.name, set, .set, fault: known.fault(set)) }
        let text = Environment.value(known.variable)
        let fault = text.flatMap { known.fault($0) }
        if let text, fault == nil || !known.isIgnoredWhenWrong {
            let kib = known.variable == "LOG_ROTATE_MAX_BYTES" ? Int(text).map { "\($0 >> 10)" } : nil
            return .init(known.name, kib ?? text, .environment, at: known.variable, fault: fault)
        }
        var found: ConfigReport.Setting
        if let own = written.first(where: { $0.name == known.name }) {
            found = setting(own)
        } else {
            found = .init(known.name, known.otherwise, .standard)
        }
        found.fault = fault.map { "the variable \(known.variable) \($0), and counts for nothing" }
        return found
    }

    private func setting(_ written: WrittenSetting) -> ConfigReport.Setting {
        let isSecret = SettingOrigins.secrets.contains { written.name.lowercased().contains($0) }
        return .init(
            written.name, isSecret ? "(hidden)" : written.value, .file, at: "\(Workspace.fileName):\(written.line)")
    }
}
