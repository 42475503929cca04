public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchSystem

/// Settings that may be changed while a service runs: what was set last, else the environment, else the default.
public struct HotSettings {
    private let context: Context
    private let store: any ControlStore

    public enum Value: Hashable, Sendable {
        case integer(ClosedRange<Int>, otherwise: Int)
        case language(otherwise: String)
    }

    /// By the names that `GET /config` shows, with the names that operators know from the environment.
    public static let table: [(name: String, variable: String, value: Value)] = [
        ("prep_concurrency", "PREP_CONCURRENCY", .integer(1...16, otherwise: 2)),
        (
            "ocr_concurrency", "OCR_CONCURRENCY",
            .integer(1...8, otherwise: min(max(HostFigures.processors, 1), 8))
        ),
        ("job_timeout_s", "JOB_TIMEOUT_SECONDS", .integer(60...7_200, otherwise: 600)),
        ("default_ocr_lang", "OCR_LANG", .language(otherwise: "eng")),
    ]

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

    public func values() throws(BatchError) -> [JSONValue.Member] {
        let known = try store.settings()
        return HotSettings.table.map { entry in
            let set = known[entry.name] ?? Environment.value(entry.variable)
            return .init(entry.name, HotSettings.read(set, entry.value))
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
            switch (entry.value, member.value) {
            case (.integer(let range, _), .integer(let number)) where range.contains(Int(clamping: number)):
                settings.append((entry.name, String(number)))
            case (.language, .string(let text)) where HotSettings.isLanguage(text):
                settings.append((entry.name, text))
            case (.integer(let range, _), _):
                throw BatchError(
                    .usage, "'\(entry.name)' is a whole number, \(range.lowerBound) to \(range.upperBound)",
                    hint: "nothing was changed")
            case (.language, _):
                throw BatchError(
                    .usage, "'\(entry.name)' must be languages as Tesseract names them", hint: "for example fra+eng")
            }
        }
        guard !settings.isEmpty else { return }
        try store.set(settings, context.act(context.action(or: "config set")))
    }

    /// What holds when nobody has set it.
    static func standard(_ value: Value) -> String {
        switch value {
        case .integer(_, let otherwise): String(otherwise)
        case .language(let otherwise): otherwise
        }
    }

    private static func read(_ text: String?, _ value: Value) -> JSONValue {
        switch value {
        case .integer(let range, let otherwise):
            let number = text.flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
            return JSONValue(number ?? otherwise)
        case .language(let otherwise): return .string(text.flatMap { isLanguage($0) ? $0 : nil } ?? otherwise)
        }
    }

    /// `eng`, `fra+eng`, `chi_sim`
    private static func isLanguage(_ text: String) -> Bool {
        let parts = text.split(separator: "+", omittingEmptySubsequences: false)
        return parts.count <= 8
            && parts.allSatisfy { part in
                (3...20).contains(part.utf8.count)
                    && part.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || $0 == UInt8(ascii: "_") }
            }
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

    /// Variables that count besides those of `HotSettings`, with what holds without them.
    private static let variables: [(name: String, variable: String, otherwise: String)] = [
        ("http.port", "ORCHESTRATOR_HTTP_PORT", "18083"), ("http.bind", "ORCHESTRATOR_HTTP_BIND", "127.0.0.1"),
        ("max_jobs_in_flight", "MAX_JOBS_IN_FLIGHT", "3"), ("poll_interval_ms", "POLL_INTERVAL_MS", "1000"),
        ("max_attempts_prep", "MAX_ATTEMPTS_PREP", "3"), ("max_attempts_ocr", "MAX_ATTEMPTS_OCR", "3"),
        ("max_input_size_mb", "MAX_INPUT_SIZE_MB", "500"), ("min_pdf_size_bytes", "MIN_PDF_SIZE_BYTES", "1024"),
        ("disk_free_factor", "DISK_FREE_FACTOR", "2.0"), ("keep_work_dir_days", "KEEP_WORK_DIR_DAYS", "7"),
        ("keep", "BATCHMGR_KEEP", "as batchmgr.yaml says"), ("log.level", "LOG_LEVEL", "info"),
        ("log.json", "LOG_JSON", "false"), ("log.max_kib", "LOG_ROTATE_MAX_BYTES", "10240"),
        ("log.keep", "LOG_ROTATE_BACKUPS", "5"),
    ]
    /// Parts of names whose values nobody is shown.
    private static let secrets = ["secret", "password", "token", "authorization"]

    public func report() throws(BatchError) -> ConfigReport {
        let written = try writtenSettings()
        let set = workspace.hasRecords ? try context.control(in: workspace.backups).settings() : [:]
        var settings: [ConfigReport.Setting] = []
        for entry in HotSettings.table {
            let otherwise = HotSettings.standard(entry.value)
            settings.append(setting(entry.name, entry.variable, otherwise, set: set[entry.name], written))
        }
        for entry in SettingOrigins.variables {
            settings.append(setting(entry.name, entry.variable, entry.otherwise, set: nil, written))
        }
        let named = Set(settings.map(\.name))
        settings += written.filter { !named.contains($0.name) }.map(setting)
        return ConfigReport(settings: settings)
    }

    private func writtenSettings() throws(BatchError) -> [WrittenSetting] {
        guard let path = workspace.file else { return [] }
        return try WrittenSetting.read(String(decoding: try DurableFile.read(path), as: UTF8.self))
    }

    private func setting(
        _ name: String, _ variable: String, _ otherwise: String, set: String?, _ written: [WrittenSetting]
    ) -> ConfigReport.Setting {
        if let set { return .init(name, set, .set) }
        if let text = Environment.value(variable) {
            let kib = variable == "LOG_ROTATE_MAX_BYTES" ? Int(text).map { "\($0 >> 10)" } : nil
            return .init(name, kib ?? text, .environment, at: variable)
        }
        if let own = written.first(where: { $0.name == name }) { return setting(own) }
        return .init(name, otherwise, .standard)
    }

    private func setting(_ written: WrittenSetting) -> ConfigReport.Setting {
        let isSecret = SettingOrigins.secrets.contains { written.name.lowercased().contains($0) }
        return .init(
            written.name, isSecret ? "(hidden)" : written.value, .file, at: "\(Workspace.fileName):\(written.line)")
    }
}
