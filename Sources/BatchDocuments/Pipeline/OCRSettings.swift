internal import BatchCore
internal import BatchEngine
internal import BatchSystem

/// How the pipeline works: what was set while the service runs, else the environment, else the default.
struct OCRSettings: Sendable {
    var prepConcurrency = 2
    var ocrConcurrency = 2
    /// Documents that are worked on at a time, from their first page to their PDF.
    var inFlight = 3
    var attemptsPrep = 3
    var attemptsOCR = 3
    /// Seconds for one page, and for taking one document apart.
    var jobTimeout = 600
    var largestInput: Int64 = 500 << 20
    var smallestPDF: Int64 = 1_024
    var diskFactor = 2.0
    var onDiskShort = ShortDisk.wait
    var keepWorkDays = 7
    var languages = "eng"
    var limits = IntakeLimits()
    var memory: Int64 = 3 << 30

    /// What becomes of a file in `in` for which the disk has no room.
    enum ShortDisk: String, CaseIterable {
        /// It stays there until there is room.
        case wait
        /// It goes to `error`.
        case reject
    }

    /// What was set while the service runs, else the environment, else the default.
    /// - Throws: `ERR_UX_INVALID_CONFIGURATION` for a value that cannot be meant.
    static func current(_ session: Session) throws(BatchError) -> OCRSettings {
        var settings = OCRSettings()
        let chosen = try HotSettings.chosen(session.workspace, context: session.context)
        func text(_ name: String) throws(BatchError) -> String? {
            if let set = chosen[name] { return set }
            return try KnownSetting.environment(name)
        }
        func number(_ name: String, _ otherwise: Int) throws(BatchError) -> Int {
            try text(name).flatMap { Int($0) } ?? otherwise
        }
        settings.ocrConcurrency = try number("OCR_CONCURRENCY", min(max(HostFigures.processors, 1), 8))
        settings.prepConcurrency = try number("PREP_CONCURRENCY", settings.prepConcurrency)
        settings.inFlight = try number("MAX_JOBS_IN_FLIGHT", settings.inFlight)
        settings.attemptsPrep = try number("MAX_ATTEMPTS_PREP", settings.attemptsPrep)
        settings.attemptsOCR = try number("MAX_ATTEMPTS_OCR", settings.attemptsOCR)
        settings.jobTimeout = try number("JOB_TIMEOUT_SECONDS", settings.jobTimeout)
        settings.largestInput = Int64(try number("MAX_INPUT_SIZE_MB", 500)) << 20
        settings.smallestPDF = Int64(try number("MIN_PDF_SIZE_BYTES", 1_024))
        settings.diskFactor = try text("DISK_FREE_FACTOR").flatMap { Double($0) } ?? settings.diskFactor
        settings.onDiskShort = try text("ON_DISK_SHORT").flatMap(ShortDisk.init) ?? settings.onDiskShort
        settings.keepWorkDays = try number("KEEP_WORK_DIR_DAYS", settings.keepWorkDays)
        settings.languages = try text("OCR_LANG") ?? OCRModels.usual
        return settings
    }
}
