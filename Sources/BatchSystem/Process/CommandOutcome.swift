public import BatchCore

/// How a program ended, and the end of what it wrote.
public struct CommandOutcome: Sendable {
    public enum Ending: Sendable, Equatable {
        case exited(Int32)
        /// Ended by a signal that was not ours.
        case signalled(Int32)
        case timedOut
        /// Ended by us because a stop was asked for.
        case stopped
        /// Ended by us because the reader of its output wanted no more of it.
        case refused
    }

    public let ending: Ending
    public let output: OutputTail
    public let errors: OutputTail
    /// Milliseconds from start to end.
    public let duration: Int64

    /// - Parameters:
    ///   - what: the thing that ran it, e.g. `step 'tell'`.
    /// - Throws: `ERR_INTEGRATION_COMMAND_FAILED` with the exit status and the last line on stderr,
    ///   `ERR_PERF_TIMEOUT`, `ERR_PERF_STOPPED`.
    public func requireSuccess(of program: CommandLineProgram, for what: String) throws(BatchError) {
        let name = "\(what): '\(PlainText.oneLine(program.name))'"
        let said = errors.lastLine.map { ": \($0)" } ?? ""
        switch ending {
        case .exited(0): return
        case .exited(let status):
            throw failure("\(name) ended with exit status \(status)\(said)")
        case .signalled(let signal):
            throw failure("\(name) was ended by signal \(signal)\(said)")
        case .refused:
            throw failure("\(name) wrote output that cannot be used\(said)")
        case .timedOut:
            throw BatchError(
                .timeout, "\(name) was ended after \(duration) ms, its time was \(program.timeout ?? 0) ms\(said)",
                hint: "raise 'timeout' of the step, or make the command faster")
        case .stopped:
            throw BatchError(
                .stopped, "\(name) was ended because a stop was asked for",
                hint: "go on with: \(command: "resume --id BATCH")")
        }
    }

    private func failure(_ message: String) -> BatchError {
        BatchError(
            .commandFailed, message,
            hint: "run the command by hand, mend it, then type: \(command: "resume --id BATCH")")
    }
}

/// The end of an output: as many bytes as the limit allows, whatever the output's length.
public struct OutputTail: Sendable, Equatable {
    private var kept: [UInt8] = []
    private let limit: Int
    /// Bytes that the program wrote, kept or not.
    public private(set) var total = 0

    init(limit: Int) { self.limit = max(1, limit) }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        total += bytes.count
        kept.append(contentsOf: bytes)
        // Cut at twice the limit, so that a byte is moved once and not with every read.
        if kept.count >= limit * 2 { kept.removeFirst(kept.count - limit) }
    }

    public var bytes: ArraySlice<UInt8> { kept.suffix(limit) }

    /// Invalid bytes replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The last line with something on it, fit for a message: no control characters, at most 200 characters.
    public var lastLine: String? {
        let lines = text.split { $0.isNewline }
        guard let line = lines.last(where: { !$0.allSatisfy(\.isWhitespace) }) else { return nil }
        return PlainText.oneLine(String(line))
    }
}
