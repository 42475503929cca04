internal import BatchCore
internal import CLinux
internal import Glibc

/// A running child with its two outputs as pipes; leader of a process group of its own, unless it shares that of its owner.
struct ChildProcess: ~Copyable {
    let id: pid_t
    /// What a signal is sent to: its group, or itself alone.
    private let target: pid_t
    let output: File
    let errors: File
    private var isReaped = false

    /// - Parameter input: all of its stdin; a file in memory, so that no reader and no writer can block each other.
    init(_ program: CommandLineProgram, input: [UInt8]) throws(BatchError) {
        try self.init(program, reading: try File.memory(holding: input))
    }

    /// - Parameter stdin: what it reads; one end of a pipe, when it is to be told things while it runs.
    init(_ program: CommandLineProgram, reading stdin: borrowing File) throws(BatchError) {
        let path = try ProgramPath.find(program)
        let output = try Pipe()
        let errors = try Pipe()
        id = try ChildProcess.spawn(
            path, program, [stdin.descriptor, output.writing.descriptor, errors.writing.descriptor])
        target = program.sharesGroup ? id : -id
        self.output = output.reading
        self.errors = errors.reading
    }

    /// No child outlives its owner, also when an error is thrown between start and end.
    deinit {
        guard !isReaped else { return }
        kill(target, SIGKILL)
        var status: Int32 = 0
        _ = try? SystemCall.attempt(.other) { waitpid(id, &status, 0) }
    }

    /// Does nothing once the leader is reaped: its id may be a stranger's then.
    func signalGroup(_ signal: Int32) {
        if !isReaped { kill(target, signal) }
    }

    /// True when the leader has ended. It is not reaped yet: so its id cannot be given to a stranger.
    var hasEnded: Bool {
        var information = siginfo_t()
        let code = waitid(P_PID, id_t(id), &information, WEXITED | WNOHANG | WNOWAIT)
        return code != 0 || information._sifields._sigchld.si_pid == id
    }

    /// Ends what is left of the group, and takes the leader's status.
    mutating func reap() -> CommandOutcome.Ending {
        kill(target, SIGKILL)
        var status: Int32 = 0
        _ = try? SystemCall.attempt(.other) { waitpid(id, &status, 0) }
        isReaped = true
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }

    private static func spawn(
        _ path: String, _ program: CommandLineProgram, _ streams: [Int32]
    ) throws(BatchError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, stream) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, stream, Int32(target))
        }
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        posix_spawn_file_actions_addchdir_np(&actions, program.folder)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        setPlainSignals(&attributes, ownGroup: !program.sharesGroup)
        let environment = ProgramPath.environment(of: program).map { "\($0.key)=\($0.value)" }.sorted()
        var child: pid_t = 0
        let code = withCStrings(program.arguments) { arguments in
            withCStrings(environment) { posix_spawn(&child, path, &actions, &attributes, arguments, $0) }
        }
        guard code == 0 else { throw ProgramPath.cannotStart(program, code) }
        return child
    }

    /// Signals that we block or ignore must not be blocked or ignored in the child: it could not be ended.
    static func setPlainSignals(_ attributes: inout posix_spawnattr_t, ownGroup: Bool) {
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        if ownGroup { posix_spawnattr_setpgroup(&attributes, 0) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = (ownGroup ? POSIX_SPAWN_SETPGROUP : 0) | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }

    static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }

    /// Two ends of a pipe, neither inherited by a child unless it is given one.
    struct Pipe: ~Copyable {
        let reading: File
        let writing: File

        init() throws(BatchError) {
            var ends: [Int32] = [0, 0]
            try SystemCall.run(.open, "make a pipe") { pipe2(&ends, O_CLOEXEC) }
            reading = File(descriptor: ends[0], path: "a pipe")
            writing = File(descriptor: ends[1], path: "a pipe")
        }

        /// The end to write to; the other one is closed.
        consuming func takeWriting() -> File { writing }
    }
}
