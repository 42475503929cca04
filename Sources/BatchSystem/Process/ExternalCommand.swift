public import BatchCore
internal import Glibc

/// Runs one program to its end: its own process group, no shell, bounded output, a time limit, and an ear for stops.
///
/// When the program has ended, what it left in its process group is ended too: a step that is over leaves nothing
/// behind.
public struct ExternalCommand: Sendable {
    public let program: CommandLineProgram
    private let clock: MonotonicClock

    public init(_ program: CommandLineProgram, clock: MonotonicClock = .system) {
        self.program = program
        self.clock = clock
    }

    /// - Parameters:
    ///   - input: all that the program finds on stdin.
    ///   - stop: asked about every 100 ms; true ends the program.
    ///   - output: sees stdout as it comes; false ends the program.
    /// - Throws: `ERR_INTEGRATION_COMMAND_FAILED` when it cannot be started. How it ended is in the outcome.
    public func run(
        input: [UInt8] = [], stop: () -> Bool = { false }, output: (ArraySlice<UInt8>) -> Bool = { _ in true }
    ) throws(BatchError) -> CommandOutcome {
        var watch = RunningCommand(try ChildProcess(program, input: input), program, clock)
        return watch.run(stop: stop, output: output)
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
}

/// Watches one running program: reads its outputs, keeps its time, ends it when it must end.
private struct RunningCommand: ~Copyable {
    private var process: ChildProcess
    private let program: CommandLineProgram
    private let clock: MonotonicClock
    private let started: Int64
    private var output: ExternalCommand.OutputTail
    private var errors: ExternalCommand.OutputTail
    private var outputIsOpen = true
    private var errorsAreOpen = true
    /// Why we are ending it, when we are.
    private var reason: CommandOutcome.Ending?
    private var killAt = Int64.max
    private var wasKilled = false
    /// Milliseconds to the next look when no pipe can wake us: short at first, the end is usually near then.
    private var pause: Int64 = 1
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    private static let longestPause: Int64 = 100
    /// A pipe holds at most this much that was written before the end.
    private static let pipeCapacity = 1 << 20

    init(_ process: consuming ChildProcess, _ program: CommandLineProgram, _ clock: MonotonicClock) {
        self.process = process
        self.program = program
        self.clock = clock
        started = clock.now()
        output = ExternalCommand.OutputTail(limit: program.outputLimit)
        errors = ExternalCommand.OutputTail(limit: program.outputLimit)
    }

    mutating func run(stop: () -> Bool, output sink: (ArraySlice<UInt8>) -> Bool) -> CommandOutcome {
        while !isOver {
            endWhenDue(stop: stop)
            read(waiting: waitingTime, sink)
        }
        let ending = process.reap()
        drain(sink)
        return CommandOutcome(
            ending: reason ?? ending, output: output, errors: errors, duration: clock.now() - started)
    }

    /// While we are ending it, the rest of the group has the grace time too, as long as it still holds the outputs.
    private var isOver: Bool {
        process.hasEnded && (reason == nil || wasKilled || !(outputIsOpen || errorsAreOpen))
    }

    private mutating func endWhenDue(stop: () -> Bool) {
        let now = clock.now()
        if reason == nil {
            if stop() {
                end(.stopped)
            } else if let timeout = program.timeout, now - started >= timeout {
                end(.timedOut)
            }
        } else if now >= killAt && !wasKilled {
            wasKilled = true
            process.signalGroup(SIGKILL)
        }
    }

    private mutating func end(_ why: CommandOutcome.Ending) {
        reason = why
        killAt = clock.now() + program.grace
        process.signalGroup(SIGTERM)
        // A stopped (SIGSTOP) process does not see SIGTERM before it goes on.
        process.signalGroup(SIGCONT)
    }

    private var waitingTime: Int64 {
        let now = clock.now()
        var wait = RunningCommand.longestPause
        if reason != nil && !wasKilled {
            wait = min(wait, killAt - now)
        } else if reason == nil, let timeout = program.timeout {
            wait = min(wait, started + timeout - now)
        }
        return max(0, wait)
    }

    private mutating func read(waiting: Int64, _ sink: (ArraySlice<UInt8>) -> Bool) {
        var wait = waiting
        if !(outputIsOpen || errorsAreOpen) {
            wait = min(wait, pause)
            pause = min(pause * 2, RunningCommand.longestPause)
        }
        // poll skips an entry with a negative number.
        var entries = [
            pollfd(fd: outputIsOpen ? process.output.descriptor : -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errorsAreOpen ? process.errors.descriptor : -1, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&entries, 2, Int32(wait)) > 0 else { return }
        if entries[0].revents != 0 { readOutput(sink) }
        if entries[1].revents != 0 { readErrors() }
    }

    private mutating func readOutput(_ sink: (ArraySlice<UInt8>) -> Bool) {
        let bytes = buffer[..<buffer.withUnsafeMutableBytes { process.output.readSome(into: $0) }]
        outputIsOpen = !bytes.isEmpty
        guard outputIsOpen else { return }
        output.append(bytes)
        if reason == nil, !sink(bytes) { end(.refused) }
    }

    private mutating func readErrors() {
        let bytes = buffer[..<buffer.withUnsafeMutableBytes { process.errors.readSome(into: $0) }]
        errorsAreOpen = !bytes.isEmpty
        errors.append(bytes)
    }

    /// What the program wrote before its end is still in the pipes. A process that left the group may go on writing:
    /// it is not waited for.
    private mutating func drain(_ sink: (ArraySlice<UInt8>) -> Bool) {
        let before = output.total + errors.total
        while outputIsOpen || errorsAreOpen, output.total + errors.total - before < 2 * RunningCommand.pipeCapacity {
            let total = output.total + errors.total
            let wasOpen = (outputIsOpen, errorsAreOpen)
            read(waiting: 0, sink)
            let isQuiet = total == output.total + errors.total && wasOpen == (outputIsOpen, errorsAreOpen)
            if isQuiet { return }
        }
    }
}

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
    public let output: ExternalCommand.OutputTail
    public let errors: ExternalCommand.OutputTail
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
            throw failure("\(name) was ended by signal \(signal)\(said)", cause: .unknownOutcome)
        case .refused:
            throw failure("\(name) wrote output that cannot be used\(said)")
        case .timedOut:
            throw BatchError(
                .timeout, "\(name) was ended after \(duration) ms: its timeout is \(program.timeout ?? 0) ms\(said)",
                hint: "raise 'timeout' of the step, or make the command faster", cause: .unknownOutcome)
        case .stopped:
            throw BatchError(
                .stopped, "\(name) was stopped, as asked",
                hint: "continue it: \(command: "resume --id BATCH")", cause: .unknownOutcome)
        }
    }

    private func failure(_ message: String, cause: BatchError.Cause? = nil) -> BatchError {
        BatchError(
            .commandFailed, message,
            hint: "run the command by hand, correct it, then type: \(command: "resume --id BATCH")", cause: cause)
    }
}
