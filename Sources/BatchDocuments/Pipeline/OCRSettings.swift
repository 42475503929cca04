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
    /// - Throws: `ERR_UX_INVALID_CONFIGURATION` for a value that is no number.
    static func current(_ session: Session) throws(BatchError) -> OCRSettings {
        var settings = OCRSettings()
        let chosen = try HotSettings.chosen(session.workspace, context: session.context)
        func number(_ name: String, _ range: ClosedRange<Int>) throws(BatchError) -> Int? {
            guard let text = chosen[name] ?? Environment.value(name) else { return nil }
            guard let value = Int(text), range.contains(value) else {
                throw BatchError(
                    .invalidConfiguration, "\(name) is not a number from \(range.lowerBound) to \(range.upperBound)",
                    hint: "correct the variable; see docs/documents.md")
            }
            return value
        }
        settings.ocrConcurrency = try number("OCR_CONCURRENCY", 1...8) ?? min(max(HostFigures.processors, 1), 8)
        settings.prepConcurrency = try number("PREP_CONCURRENCY", 1...16) ?? settings.prepConcurrency
        settings.inFlight = try number("MAX_JOBS_IN_FLIGHT", 1...1_000) ?? settings.inFlight
        settings.attemptsPrep = try number("MAX_ATTEMPTS_PREP", 1...100) ?? settings.attemptsPrep
        settings.attemptsOCR = try number("MAX_ATTEMPTS_OCR", 1...100) ?? settings.attemptsOCR
        settings.jobTimeout = try number("JOB_TIMEOUT_SECONDS", 1...7_200) ?? settings.jobTimeout
        settings.largestInput = Int64(try number("MAX_INPUT_SIZE_MB", 1...1_000_000) ?? 500) << 20
        settings.smallestPDF = Int64(try number("MIN_PDF_SIZE_BYTES", 0...1_000_000_000) ?? 1_024)
        if let text = Environment.value("DISK_FREE_FACTOR") {
            guard let factor = Double(text), factor >= 0 else {
                throw BatchError(
                    .invalidConfiguration, "DISK_FREE_FACTOR is not a number",
                    hint: "correct the variable; see docs/documents.md")
            }
            settings.diskFactor = factor
        }
        if let text = Environment.value("ON_DISK_SHORT") {
            guard let choice = ShortDisk(rawValue: text) else {
                throw BatchError(
                    .invalidConfiguration, "ON_DISK_SHORT is neither wait nor reject",
                    hint: "correct the variable; see docs/documents.md")
            }
            settings.onDiskShort = choice
        }
        settings.keepWorkDays = try number("KEEP_WORK_DIR_DAYS", 0...36_500) ?? settings.keepWorkDays
        settings.languages = chosen["OCR_LANG"] ?? Environment.value("OCR_LANG") ?? Models.usual
        return settings
    }
}

/// The models of Tesseract on this machine.
enum Models {
    private static var folders: [String] {
        [Environment.value("TESSDATA_PREFIX")].compactMap { $0 }
            + ["/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata"]
    }

    static func path(_ language: String) -> String? {
        folders.map { "\($0)/\(language).traineddata" }.first(where: Folder.exists)
    }

    /// French and English where both are there, else English.
    static var usual: String { path("fra") != nil && path("eng") != nil ? "fra+eng" : "eng" }

    static var installed: [String] {
        let names = folders.flatMap { (try? Folder.names(in: $0)) ?? [] }
        return Set(
            names.filter { $0.hasSuffix(".traineddata") && $0 != "osd.traineddata" }.map { String($0.dropLast(12)) }
        )
        .sorted()
    }
}
