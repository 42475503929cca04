public import BatchCore

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
    public static func ask(_ question: String, in context: CommandContext) throws(BatchError) -> Bool {
        if let answer = try decided(question, context.globals, isTerminal: context.terminal.isInputTTY) {
            return answer
        }
        StandardStream.error.tryWrite("\(question) [y/N] ")
        let answer = readLine()?.lowercased() ?? ""
        return answer == "y" || answer == "yes"
    }
}
