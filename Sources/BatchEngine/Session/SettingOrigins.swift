public import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchSystem

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
