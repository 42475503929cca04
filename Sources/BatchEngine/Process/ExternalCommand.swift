public import BatchCore
internal import Glibc

/// Runs one program to its end: its own process group, no shell, bounded output, a time limit, and an ear for stops.
///
/// When the program has ended, what it left in its process group is ended too: a step that is over leaves nothing behind.
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
        var watch = CommandWatch(try SpawnedProcess(program, input: input), program, clock)
        return watch.run(stop: stop, output: output)
    }
}
