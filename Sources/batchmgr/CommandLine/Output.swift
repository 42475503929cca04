public import BatchCore
internal import BatchSystem
internal import Glibc

/// Where answers go: text for people, or exactly one JSON document, on standard output.
public final class Output: @unchecked Sendable {
    private let isJSON: Bool
    private let isQuiet: Bool
    private let isAction: Bool
    private let terminal: Terminal
    /// What was told beside the answer: the document has it too.
    private var told: [Warning] = []
    /// The answer could not be written.
    private(set) var isLost = false

    /// - Parameter isAction: the answer says that something was done; who asked for quiet need not be told.
    init(isJSON: Bool, isQuiet: Bool, isAction: Bool = false, terminal: Terminal) {
        self.isAction = isAction
        self.isJSON = isJSON
        self.isQuiet = isQuiet
        self.terminal = terminal
    }

    /// Shows the one answer of a verb.
    /// - Throws: `ERR_INTEGRATION_FILE` when standard output cannot be written.
    public func show(_ report: some TextReport) throws(BatchError) {
        if isJSON {
            try show(document: report)
        } else if isQuiet, let problems = report.problems(terminal.style, width: terminal.width) {
            try write(problems)
        } else if !isQuiet || !isAction {
            try write(report.text(terminal.style, width: terminal.width))
        }
    }

    /// Shows an answer whose text is made elsewhere.
    /// - Throws: `ERR_INTEGRATION_FILE` when standard output cannot be written.
    public func show(_ report: some Report, text: String) throws(BatchError) {
        if isJSON { try show(document: report) } else if !isQuiet || !isAction { try write(text) }
    }

    /// Errors are the document when JSON was asked for; otherwise they go to standard error.
    public func show(_ error: BatchError) throws(BatchError) { try show(ErrorReport(error)) }

    public func show(_ error: ErrorReport) throws(BatchError) {
        if isJSON, !isLost { return try show(document: error) }
        let text = error.text(terminal.errorStyle, width: terminal.width)
        StandardStream.error.tryWrite(text)
    }

    /// A remark beside the answer; standard error, so that it never mixes with a document.
    public func note(_ text: String) {
        if !isQuiet { StandardStream.error.tryWrite(text + "\n") }
    }

    /// The document, whatever was asked for.
    func show(document: some Report) throws(BatchError) {
        let text = JSONWriter.text(adding(told, to: document.json(terminal.style.call)), indented: terminal.isOutputTTY)
        try write(text + "\n")
    }

    /// Tells what no report has a place for. Changes from outside are worth a mail of cron too.
    func tell(_ warning: Warning, _ hint: Hint) {
        if !told.contains(warning) { told.append(warning) }
        if isJSON || isQuiet && warning.code != .drift { return }
        let text = Printable.text("\(warning.code.rawValue): \(warning.text)")
        StandardStream.error.tryWrite(
            "warning: \(text)\nhint: \(Printable.text(hint.text(terminal.errorStyle.call)))\n")
    }

    /// With these among its warnings: texts, and in the same order their codes.
    private func adding(_ warnings: [Warning], to document: JSONValue) -> JSONValue {
        guard !warnings.isEmpty, var members = document.members else { return document }
        let call = terminal.style.call
        for (key, values) in [
            ("warnings", warnings.map { $0.text(call) }), ("warning_codes", warnings.map(\.code.rawValue)),
        ] {
            let known = members.firstIndex { $0.key == key }
            let all = (known.flatMap { members[$0].value.array } ?? []) + values.map(JSONValue.string)
            members.removeAll { $0.key == key }
            members.insert(.init(key, .array(all)), at: known ?? members.endIndex)
        }
        return .object(members)
    }

    private func write(_ text: String) throws(BatchError) {
        do throws(BatchError) { try StandardStream.output.write(text) } catch {
            isLost = true
            throw error
        }
    }
}

/// Standard output or standard error, written to the last byte.
enum StandardStream: Int32 {
    case output = 1
    case error = 2

    /// A reader that has gone away (`batchmgr list | head -1`) is no error: the rest is of no interest to anybody.
    /// - Throws: `ERR_INTEGRATION_FILE`, e.g. when standard output is a file on a full disk.
    func write(_ text: String) throws(BatchError) {
        UnfinishedFiles.waitIfEnding()
        ProgressBar.shared.clear()
        do throws(SystemError) {
            try SystemCall.write(Array(text.utf8), to: rawValue)
        } catch {
            if error.isClosedPipe { return }
            throw BatchError(
                .file, "write standard output: \(error.text)",
                hint: "check where the output is sent; the work itself was done: do not run it again")
        }
    }

    /// For remarks: when they cannot be written there is nobody to tell.
    func tryWrite(_ text: String) {
        ProgressBar.shared.clear()
        try? SystemCall.write(Array(text.utf8), to: rawValue)
    }
}

/// A question before something that is not taken back lightly.
public enum Confirmation {
    /// What the options and the terminal decide without asking; nil: ask.
    /// - Throws: `ERR_UX_USAGE` when an answer is needed and nobody can give one.
    public static func decided(
        _ question: String, _ globals: GlobalOptions, isTerminal: Bool
    ) throws(BatchError) -> Bool? {
        if globals.assumesYes { return true }
        guard !globals.isNonInteractive, !globals.isJSON, isTerminal else {
            throw BatchError(.usage, "not confirmed: \(question)", hint: "add --yes when that is what you want")
        }
        return nil
    }

    /// - Throws: `ERR_UX_USAGE` when an answer is needed and nobody can give one.
    public static func ask(_ question: String, _ call: Call) throws(BatchError) -> Bool {
        if let answer = try decided(question, call.globals, isTerminal: call.terminal.isInputTTY) {
            return answer
        }
        StandardStream.error.tryWrite("\(question) [y/N] ")
        let answer = readLine()?.lowercased() ?? ""
        return answer == "y" || answer == "yes"
    }
}
