internal import BatchCore
internal import BatchEngine
internal import BatchLedger

/// The way of a document through the pipeline.
enum DocumentState: String, CaseIterable, Sendable {
    case discovered = "DISCOVERED"
    case prepSubmitted = "PREP_SUBMITTED"
    case prepRunning = "PREP_RUNNING"
    case prepDone = "PREP_DONE"
    case ocrSubmitted = "OCR_SUBMITTED"
    case ocrRunning = "OCR_RUNNING"
    case review = "REVIEW"
    case done = "DONE"
    case prepTimeout = "PREP_TIMEOUT"
    case prepError = "PREP_ERROR"
    case prepRetry = "PREP_RETRY"
    case ocrTimeout = "OCR_TIMEOUT"
    case ocrError = "OCR_ERROR"
    case ocrRetry = "OCR_RETRY"
    case errorPrep = "ERROR_PREP"
    case errorOCR = "ERROR_OCR"
    case duplicatePending = "DUPLICATE_PENDING"

    var isFailed: Bool { self == .errorPrep || self == .errorOCR }
    /// Nothing more happens by itself.
    var isEnd: Bool { isFailed || self == .done || self == .review || self == .duplicatePending }
    /// Its pages are not known yet.
    var isBeforePages: Bool {
        [.discovered, .prepSubmitted, .prepRunning, .prepTimeout, .prepError, .prepRetry].contains(self)
    }
    /// The states that a person means.
    /// - Throws: `ERR_UX_USAGE` when there is none of this name.
    static func named(_ text: String) throws(BatchError) -> [DocumentState] {
        let name = text.uppercased()
        if name == "ERROR" { return [.errorPrep, .errorOCR] }
        if let state = DocumentState(rawValue: name) { return [state] }
        throw BatchError(
            .usage,
            "'\(PlainText.oneLine(text))' is not a state of documents"
                + Suggestion.clause(for: name, in: ["ERROR"] + allCases.map(\.rawValue)),
            hint: "see the states that there are: \(command: "ocr list")")
    }
    var stage: String { isBeforePages || self == .errorPrep || self == .prepDone ? "prep" : "ocr" }
}

/// A row of `ocr_documents`.
struct DocumentRecord: Sendable {
    let key: String
    let name: String
    var state: DocumentState
    let batch: String
    var kind: InputKind?
    let size: Int64
    let fileHash: String
    let profile: String
    let profileHash: String
    var pages: Int?
    var attemptsPrep: Int
    var attemptsOCR: Int
    var finalPDF: String?
    var characters: Int?
    var confidence: Double?
    var error: String?
    var message: String?
    let createdAt: String
    let updatedAt: String

    static let columns = """
        key, name, state, batch, kind, size, file_sha256, profile, profile_sha256, pages, attempts_prep, attempts_ocr, \
        final_pdf, text_chars, confidence, error, message, created_at, updated_at
        """

    init?(_ row: [SQLValue]) {
        guard row.count == 19, let key = row[0].string, let state = row[2].string.flatMap(DocumentState.init) else {
            return nil
        }
        self.key = key
        name = row[1].string ?? ""
        self.state = state
        batch = row[3].string ?? ""
        kind = row[4].string.flatMap(InputKind.init)
        size = row[5].integer ?? 0
        fileHash = row[6].string ?? ""
        profile = row[7].string ?? ""
        profileHash = row[8].string ?? ""
        pages = row[9].integer.map { Int($0) }
        attemptsPrep = Int(row[10].integer ?? 0)
        attemptsOCR = Int(row[11].integer ?? 0)
        finalPDF = row[12].string
        characters = row[13].integer.map { Int($0) }
        confidence = row[14].real
        error = row[15].string
        message = row[16].string
        createdAt = row[17].string ?? ""
        updatedAt = row[18].string ?? ""
    }

    var report: DocumentReport.Entry {
        DocumentReport.Entry(
            key: key, state: state.rawValue, name: name, pages: pages, finalPDF: finalPDF, characters: characters,
            confidence: confidence, attempts: attemptsPrep + attemptsOCR, error: error, message: message, batch: batch)
    }

    /// A file with the same bytes, which waits for a decision.
    func duplicate(named file: String, heldBy batch: String) -> DocumentReport.Entry {
        DocumentReport.Entry(
            key: key, state: DocumentState.duplicatePending.rawValue, name: file, pages: pages, finalPDF: finalPDF,
            characters: nil, confidence: nil, attempts: 0, error: DocumentFault.duplicate.rawValue,
            message: "is here already, as \(name)", batch: batch)
    }
}

/// The documents of a database.
struct DocumentStore {
    let session: Session

    private var connection: Connection { session.connection }

    func exists() throws(BatchError) -> Bool { try has("ocr_documents") }

    func has(_ table: String) throws(BatchError) -> Bool {
        try connection.value(
            "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?", [.string(table)]) != nil
    }

    func documents(
        where condition: String = "1", _ values: [SQLValue] = []
    ) throws(BatchError) -> [DocumentRecord] {
        guard try exists() else { return [] }
        return try connection.rows(
            "SELECT \(DocumentRecord.columns) FROM main.ocr_documents WHERE \(condition) ORDER BY created_at, key",
            values
        ).compactMap { DocumentRecord($0) }
    }

    /// Those that changed last, in the order in which they came.
    func latest(_ limit: Int) throws(BatchError) -> [DocumentRecord] {
        try documents(
            where: "key IN (SELECT key FROM main.ocr_documents ORDER BY updated_at DESC, key LIMIT ?)",
            [.integer(Int64(limit))])
    }

    /// Of all documents, also of those whose rows say what they cannot say.
    func keys() throws(BatchError) -> [String] {
        guard try exists() else { return [] }
        return try connection.rows("SELECT key FROM main.ocr_documents", []).compactMap { $0[0].string }
    }

    func document(_ key: String) throws(BatchError) -> DocumentRecord? {
        try documents(where: "key = ?", [.string(key)]).first
    }

    /// The document that a person means: its key, the beginning of it, or its name.
    /// - Throws: `ERR_UX_UNKNOWN_NAME`; `ERR_UX_USAGE` when it is the name of several.
    func document(meant text: String) throws(BatchError) -> DocumentRecord {
        // The beginnings of both parts of a key.
        let parts = text.split(separator: "__", maxSplits: 1).map(String.init)
        let isKey = parts.count == 2 && parts.allSatisfy { $0.allSatisfy(\.isHexDigit) }
        let (file, profile) = isKey ? (parts[0], parts[1]) : ("", "")
        let found = try documents(
            where: """
                key = ?1 OR name = ?1 OR (length(?1) >= 4 AND substr(key, 1, length(?1)) = ?1) OR (length(?2) >= 4 \
                AND file_sha256 GLOB ?2 || '*' AND profile_sha256 GLOB ?3 || '*')
                """, [.string(text), .string(file), .string(profile)])
        if found.count == 1 { return found[0] }
        throw BatchError(
            found.isEmpty ? .unknownName : .usage,
            found.isEmpty
                ? "there is no document '\(PlainText.oneLine(text))'"
                : "'\(PlainText.oneLine(text))' is the name of \(found.count) documents",
            hint: "see their keys: \(command: "ocr list --json")")
    }

    /// Files that a batch has put aside because they were here already.
    func duplicates(heldBy batch: String) throws(BatchError) -> [DocumentReport.Entry] {
        let rows = try connection.rows(
            """
            SELECT detail FROM main.batchmgr_effects WHERE kind = 'ocr.discover' \
            AND batch = (SELECT seq FROM main.batchmgr_batches WHERE batch = ?) ORDER BY id
            """, [.string(batch)])
        var entries: [DocumentReport.Entry] = []
        for row in rows {
            guard let detail = row[0].string.flatMap({ try? JSONParser.parse($0) }), let key = detail["held"]?.string,
                let known = try document(key)
            else { continue }
            let name = detail["file"]?.string ?? detail["name"]?.string ?? ""
            entries.append(known.duplicate(named: name, heldBy: batch))
        }
        return entries
    }

    func hashOfPDF(_ key: String) throws(BatchError) -> String? {
        try connection.value("SELECT pdf_sha256 FROM main.ocr_documents WHERE key = ?", [.string(key)])?.string
    }

    /// The files and folders that a purge has noted, below the folder of the documents.
    func purged(to place: String) throws(BatchError) -> [String] {
        try connection.rows(
            """
            SELECT DISTINCT p.value FROM main.batchmgr_effects e, json_each(e.detail, '$.purged') p \
            WHERE e.undone_by IS NULL AND json_extract(e.detail, '$.place') = ? ORDER BY p.id
            """, [.string(place)]
        ).compactMap { $0[0].string }
    }

    /// Files beside the PDF of a document, as the batches that published it noted them; the latest last.
    func besides(of key: String) throws(BatchError) -> [(name: String, hash: String)] {
        let rows = try connection.rows(
            """
            SELECT detail FROM main.batchmgr_effects WHERE undone_by IS NULL AND json_extract(detail, '$.key') = ? \
            AND json_type(detail, '$.beside') = 'array' ORDER BY id
            """, [.string(key)])
        return rows.flatMap { row -> [(name: String, hash: String)] in
            let detail = row[0].string.flatMap { try? JSONParser.parse($0) }
            return (detail?["beside"]?.array ?? []).compactMap { file -> (name: String, hash: String)? in
                guard let name = file["file"]?.string, let hash = file["sha256"]?.string else { return nil }
                return (name, hash)
            }
        }
    }

    struct Page {
        let id: Int64
        let number: Int
        let state: String
        let attempts: Int
        /// Where its picture is, as the worker takes it.
        let source: JSONValue
        let width: Int
        let height: Int
        let text: String?
        let confidence: Double?
        /// Why an empty page stands for it; nil when it could be read.
        var fault: String? { source["fault"]?.string }
    }

    func pages(of key: String) throws(BatchError) -> [Page] {
        try connection.rows(
            "SELECT id, number, state, attempts, source, width, height, text, confidence FROM main.ocr_pages "
                + "WHERE document = ? ORDER BY number", [.string(key)]
        ).map { row in
            Page(
                id: row[0].integer ?? 0, number: Int(row[1].integer ?? 0), state: row[2].string ?? "",
                attempts: Int(row[3].integer ?? 0),
                source: row[4].string.flatMap { try? JSONParser.parse($0) } ?? .null, width: Int(row[5].integer ?? 0),
                height: Int(row[6].integer ?? 0), text: row[7].string,
                confidence: row[8].real)
        }
    }

    func words(of page: Int64) throws(BatchError) -> [JSONValue] {
        try connection.rows(
            "SELECT text, x, y, width, height, confidence FROM main.ocr_words WHERE page = ? ORDER BY number",
            [.integer(page)]
        ).map { row in
            let box = row[1...4].map { JSONValue.integer($0.integer ?? 0) }
            return .array([.string(row[0].string ?? "")] + box + [.number(row[5].real ?? 0)])
        }
    }

    struct Word {
        let number: Int
        let text: String
        /// Left, top, width, height in pixels.
        let box: [Int]
        let confidence: Double
    }

    func numberedWords(of page: Int64) throws(BatchError) -> [Word] {
        try connection.rows(
            "SELECT number, text, x, y, width, height, confidence FROM main.ocr_words WHERE page = ? ORDER BY number",
            [.integer(page)]
        ).map { row in
            Word(
                number: Int(row[0].integer ?? 0), text: row[1].string ?? "",
                box: row[2...5].map { Int($0.integer ?? 0) }, confidence: row[6].real ?? 0)
        }
    }

    var nextPage: Int64 {
        get throws(BatchError) {
            (try connection.value("SELECT max(id) FROM main.ocr_pages")?.integer ?? 0) + 1
        }
    }
}

extension SQLValue {
    var real: Double? {
        switch self {
        case .real(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }
}

/// What a file is, by its first bytes, whatever it is called.
enum InputKind: String, Sendable {
    case image
    case pdf
    case archive

    /// - Parameter bytes: the first 512 and more.
    init?(_ bytes: [UInt8]) {
        func begins(_ text: String, at place: Int = 0) -> Bool { InputKind.has(Array(text.utf8), bytes, place) }
        func begins(_ start: [UInt8], at place: Int = 0) -> Bool { InputKind.has(start, bytes, place) }
        if begins([0xFF, 0xD8, 0xFF]) || begins([0x89, 0x50, 0x4E, 0x47]) || begins("GIF8") || begins("BM")
            || begins([0x49, 0x49, 0x2A, 0]) || begins([0x4D, 0x4D, 0, 0x2A])
            || (begins("RIFF") && begins("WEBP", at: 8)) || begins("jP  ", at: 4) || begins([0xFF, 0x4F, 0xFF, 0x51])
            || InputKind.isPortable(bytes)
        {
            self = .image
        } else if begins("PK\u{3}\u{4}") || begins("PK\u{5}\u{6}") || begins("Rar!\u{1A}\u{7}")
            || begins([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) || begins("ustar", at: 257)
        {
            self = .archive
        } else if InputKind.hasPDFHeader(bytes) {
            self = .pdf
        } else {
            return nil
        }
    }

    private static func has(_ start: [UInt8], _ bytes: [UInt8], _ place: Int) -> Bool {
        bytes.count >= place + start.count && Array(bytes[place..<(place + start.count)]) == start
    }

    /// `P4` to `P6`, then a blank or the end of a line.
    private static func isPortable(_ bytes: [UInt8]) -> Bool {
        bytes.count > 2 && bytes[0] == 0x50 && (0x31...0x36).contains(bytes[1]) && [10, 13, 32].contains(bytes[2])
    }

    /// Readers of PDF look for it in the first kilobyte.
    private static func hasPDFHeader(_ bytes: [UInt8]) -> Bool {
        let mark = Array("%PDF-".utf8)
        guard bytes.count >= mark.count else { return false }
        return (0...min(bytes.count - mark.count, 1_024)).contains { has(mark, bytes, $0) }
    }
}
