public import BatchCore

extension ErrorReport {
    /// `error: ERR_…: what` and `hint: the next command`, after what stands in the way.
    public func text(_ style: Style, width: Int, withHint: Bool) -> String {
        var text = ""
        if let dependents { text += dependents.text(style, width: width) }
        text += ConflictText.text(conflicts, style)
        text += "\(style.bad("error:")) \(error.code.rawValue): \(ErrorReport.lines(error.message))\n"
        if withHint, !error.hint.isEmpty {
            text += "\(style.caution("hint:")) \(Printable.text(error.hint.text(style.call)))\n"
        }
        return text
    }

    /// Mistakes in a file have several lines. Those behind the first are indented, so that none can pass for a hint.
    private static func lines(_ message: String) -> String {
        message.split(separator: "\n", omittingEmptySubsequences: false).map { Printable.text(String($0)) }
            .joined(separator: "\n  ")
    }
}
