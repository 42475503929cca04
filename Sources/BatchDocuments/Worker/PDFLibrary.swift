internal import BatchCore
internal import BatchSystem
internal import CQPDF

/// libqpdf: counts pages, lays text under them, checks.
final class PDFLibrary {
    private let functions: cqpdf

    private init(_ functions: cqpdf) { self.functions = functions }

    static func load() throws(DocumentError) -> PDFLibrary {
        var functions = cqpdf()
        if let missing = cqpdf_load(&functions) {
            throw DocumentError(.engine, "\(String(cString: missing)) is missing")
        }
        return PDFLibrary(functions)
    }

    var version: String { functions.qpdf_get_qpdf_version().map { String(cString: $0) } ?? "" }

    /// The number of pages.
    func pages(of file: String) throws(DocumentError) -> Int {
        try reading(file) { (pdf) throws(DocumentError) in
            let count = functions.qpdf_get_num_pages(pdf)
            guard count >= 0 else { throw fault(pdf) }
            return Int(count)
        }
    }

    /// Reads all of it, as strictly as qpdf does.
    func check(_ file: String) throws(DocumentError) {
        try reading(file) { (pdf) throws(DocumentError) in
            let code = functions.qpdf_check_pdf(pdf)
            guard code & 2 == 0 else { throw DocumentError(.pdfInvalid, fault(pdf).detail) }
        }
    }

    private func reading<Value>(
        _ file: String, _ body: (qpdf_data) throws(DocumentError) -> Value
    ) throws(DocumentError) -> Value {
        var pdf = functions.qpdf_init()
        defer { functions.qpdf_cleanup(&pdf) }
        guard let pdf else { throw DocumentError(.memory) }
        functions.qpdf_silence_errors(pdf)
        functions.qpdf_set_suppress_warnings(pdf, 1)
        guard functions.qpdf_read(pdf, file, nil) & 2 == 0 else { throw fault(pdf) }
        return try body(pdf)
    }

    private func fault(_ pdf: qpdf_data) -> DocumentError {
        guard functions.qpdf_has_error(pdf) != 0, let error = functions.qpdf_get_error(pdf) else {
            return DocumentError(.damaged)
        }
        if functions.qpdf_get_error_code(pdf, error) == qpdf_e_password { return DocumentError(.encrypted) }
        let words = functions.qpdf_get_error_full_text(pdf, error).map { String(cString: $0) } ?? ""
        // It begins with the path of the file.
        return DocumentError(.damaged, PlainText.oneLine(String(words.drop { $0 != " " }.dropFirst())))
    }

    /// Writes a PDF with the pages of another one under its own.
    func lay(_ text: String, under input: String, to output: String) throws(DocumentError) {
        let job: JSONValue = [
            "inputFile": .string(input), "outputFile": .string(output), "underlay": ["file": .string(text)],
            "decrypt": "", "warningExit0": "", "noWarn": "",
        ]
        let code = functions.qpdfjob_run_from_json(JSONWriter.text(job))
        guard code == 0 || code == 3, Folder.exists(output) else {
            throw DocumentError(.pdfInvalid, "qpdf cannot write it")
        }
    }
}
