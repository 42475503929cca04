public import BatchCore
internal import Glibc

/// Where answers go: text for people, or exactly one JSON document, on standard output.
public final class Output {
    private let isJSON: Bool
    private let isQuiet: Bool
    private let terminal: Terminal

    init(isJSON: Bool, isQuiet: Bool, terminal: Terminal) {
        self.isJSON = isJSON
        self.isQuiet = isQuiet
        self.terminal = terminal
    }

    /// Shows the one answer of a verb.
    /// - Throws: `ERR_INTEGRATION_FILE` when standard output cannot be written.
    public func show(_ report: some TextReport) throws(BatchError) {
        if isJSON {
            try show(document: report)
        } else {
            try write(report.text(terminal.style, width: terminal.width))
        }
    }

    /// Shows an answer whose text is made elsewhere.
    /// - Throws: `ERR_INTEGRATION_FILE` when standard output cannot be written.
    public func show(_ report: some Report, text: String) throws(BatchError) {
        if isJSON { try show(document: report) } else { try write(text) }
    }

    /// Errors are the document when JSON was asked for; otherwise they go to standard error.
    public func show(_ error: BatchError) throws(BatchError) { try show(ErrorReport(error)) }

    public func show(_ error: ErrorReport) throws(BatchError) {
        if isJSON { return try show(document: error) }
        let text = error.text(terminal.errorStyle, width: terminal.width, withHint: !isQuiet)
        StandardStream.error.tryWrite(text)
    }

    /// A remark beside the answer; standard error, so that it never mixes with a document.
    public func note(_ text: String) {
        if !isQuiet { StandardStream.error.tryWrite(text + "\n") }
    }

    /// The document, whatever was asked for.
    func show(document: some Report) throws(BatchError) {
        try write(JSONWriter.text(document.json(terminal.style.call), indented: terminal.isOutputTTY) + "\n")
    }

    private func write(_ text: String) throws(BatchError) { try StandardStream.output.write(text) }
}
