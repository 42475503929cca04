import BatchCore
import BatchEngine
import BatchSystem
import Glibc
import Testing

@Suite struct ExternalCommandTests {
    let folder = StepFolder()

    private func program(_ arguments: [String], timeout: Int64? = 20_000, grace: Int64 = 5_000) -> CommandLineProgram {
        CommandLineProgram(arguments: arguments, folder: folder.path, timeout: timeout, grace: grace)
    }

    private func run(_ arguments: [String]) throws -> CommandOutcome {
        try ExternalCommand(program(arguments)).run()
    }

    @Test("Arguments arrive as they are: there is no shell")
    func noShell() throws {
        let odd = ["$HOME; rm -rf *", "a  b", "", "*", "`id`", "it's \"quoted\"", "ünï\nline"]
        let outcome = try run(["python3", "-c", "import sys; print(sys.argv[1:])"] + odd)
        let list = "['$HOME; rm -rf *', 'a  b', '', '*', '`id`', 'it\\'s \"quoted\"', 'ünï\\nline']\n"
        #expect(outcome.output.text == list)
        #expect(outcome.ending == .exited(0))
    }

    @Test("It sees a clean environment, the variables given to it, and its folder")
    func environment() throws {
        setenv("SECRET_OF_A_TEST", "hidden", 1)
        var program = program(["sh", "-c", "env; pwd -P"])
        program.environment = ["BATCH_ID": "a.1"]
        let lines = try ExternalCommand(program).run().output.text.split(separator: "\n")
        #expect(lines.contains("BATCH_ID=a.1"))
        #expect(!lines.contains { $0.hasPrefix("SECRET_OF_A_TEST") })
        #expect(lines.last == Substring(folder.run(["realpath", "."]).dropLast()))
    }

    @Test("It inherits no open file of ours")
    func openFiles() throws {
        let leak = open("/etc/passwd", O_RDONLY)
        defer { close(leak) }
        #expect(leak > 2)
        let outcome = try run(["sh", "-c", "ls /proc/$$/fd"])
        #expect(outcome.output.text == "0\n1\n2\n")
    }

    @Test("Large input and output pass at once, and only the end of the output is kept")
    func largeStreams() throws {
        var program = program(["cat"])
        program.outputLimit = 1_000
        let input = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 % 251) }
        var seen = 0
        let outcome = try ExternalCommand(program).run(
            input: input,
            output: {
                seen += $0.count
                return true
            })
        #expect(seen == input.count)
        #expect(outcome.output.total == input.count)
        #expect(Array(outcome.output.bytes) == Array(input.suffix(1_000)))
    }

    @Test("A program that does not read its input is no problem")
    func unreadInput() throws {
        let outcome = try ExternalCommand(program(["true"])).run(input: [UInt8](repeating: 65, count: 1_000_000))
        #expect(outcome.ending == .exited(0))
    }

    @Test("A failure names the exit status and the last line on stderr, made harmless")
    func failure() throws {
        let program = program(["sh", "-c", "echo first >&2; printf 'bad \\033[31mthing\\n\\n' >&2; exit 3"])
        let outcome = try ExternalCommand(program).run()
        let error = #expect(throws: BatchError.self) {
            try outcome.requireSuccess(of: program, for: "step 'tell'")
        }
        #expect(error?.code == .commandFailed)
        #expect(error?.message == "step 'tell': 'sh' ended with exit status 3: bad  [31mthing")
    }

    @Test("A crash is told apart from an exit")
    func crash() throws {
        let outcome = try run(["sh", "-c", "kill -SEGV $$"])
        #expect(outcome.ending == .signalled(SIGSEGV))
        #expect(throws: BatchError.self) { try outcome.requireSuccess(of: program(["sh"]), for: "step 'x'") }
    }

    @Test("A timeout ends the program and all that it started")
    func timeout() throws {
        let program = program(["sh", "-c", "sleep 1000 & echo $!; sleep 1000"], timeout: 300)
        let outcome = try ExternalCommand(program).run()
        #expect(outcome.ending == .timedOut)
        #expect(outcome.duration >= 300 && outcome.duration < 5_000)
        let grandchild = try #require(Int(outcome.output.text.dropLast()))
        #expect(StepFolder.isGone(grandchild))
        let error = #expect(throws: BatchError.self) { try outcome.requireSuccess(of: program, for: "step 'x'") }
        #expect(error?.code == .timeout)
    }

    @Test("A program that ignores the polite signal is killed after the grace time, its children too")
    func stubborn() throws {
        let script = "trap '' TERM; (trap '' TERM; sleep 1000) & echo $!; while :; do sleep 0.05; done"
        let outcome = try ExternalCommand(program(["sh", "-c", script], timeout: 200, grace: 300)).run()
        #expect(outcome.ending == .timedOut)
        #expect(outcome.duration >= 500 && outcome.duration < 5_000)
        let grandchild = try #require(Int(outcome.output.text.dropLast()))
        #expect(StepFolder.isGone(grandchild))
    }

    @Test("A program may clean up during the grace time")
    func cleanUp() throws {
        let script = "trap 'echo cleaned; exit 0' TERM; while :; do sleep 0.05; done"
        let outcome = try ExternalCommand(program(["sh", "-c", script], timeout: 200)).run()
        #expect(outcome.ending == .timedOut)
        #expect(outcome.output.text == "cleaned\n")
    }

    @Test("What a program leaves in the background is ended with it, and does not hold us up")
    func background() throws {
        let outcome = try run(["sh", "-c", "sleep 1000 & echo $!"])
        #expect(outcome.ending == .exited(0))
        #expect(outcome.duration < 5_000)
        let left = try #require(Int(outcome.output.text.dropLast()))
        #expect(StepFolder.isGone(left))
    }

    @Test("A stop request ends a running program")
    func stop() throws {
        var heard = false
        let program = program(["sh", "-c", "echo started; sleep 1000"])
        let outcome = try ExternalCommand(program).run(
            stop: { heard },
            output: { _ in
                heard = true
                return true
            })
        #expect(outcome.ending == .stopped)
        #expect(outcome.duration < 5_000)
        let error = #expect(throws: BatchError.self) { try outcome.requireSuccess(of: program, for: "step 'x'") }
        #expect(error?.code == .stopped)
    }

    @Test("A reader that wants no more output ends the program")
    func refusedOutput() throws {
        let outcome = try ExternalCommand(program(["yes"])).run(output: { _ in false })
        #expect(outcome.ending == .refused)
    }

    @Test("Time is the clock's that was handed in")
    func clock() throws {
        let ticks = Ticks()
        let clock = MonotonicClock { ticks.next() }
        let outcome = try ExternalCommand(program(["sleep", "1000"], timeout: 3_600_000), clock: clock).run()
        #expect(outcome.ending == .timedOut)
    }

    @Test(
        "A program that cannot be started is named, with the reason",
        arguments: [
            (["no-such-program-here"], "'no-such-program-here' does not exist"),
            (["./no-such-file"], "'./no-such-file' does not exist"),
            (["./plain.txt"], "'./plain.txt' is not executable"),
            (["./bad-interpreter"], "the interpreter on its first line"),
            (["./no-first-line"], "not in a format that can be executed"),
            ([], "the command is empty"),
            ([""], "the command is empty"),
            (["echo", "a\0b"], "holds a NUL"),
        ])
    func cannotStart(arguments: [String], message: String) {
        folder.write("text", to: "plain.txt")
        folder.write("#!/no/such/interpreter\n", to: "bad-interpreter", executable: true)
        folder.write("echo hello\n", to: "no-first-line", executable: true)
        let error = #expect(throws: BatchError.self) { try run(arguments) }
        #expect(error?.code == .commandFailed)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test("A missing folder is named")
    func missingFolder() {
        let program = CommandLineProgram(arguments: ["true"], folder: folder.path + "/nowhere")
        let error = #expect(throws: BatchError.self) { try ExternalCommand(program).run() }
        #expect(error?.message.contains("/nowhere' to run 'true' in does not exist") == true)
    }

    @Test("A relative program is looked up from its folder")
    func relativeProgram() throws {
        folder.write("#!/bin/sh\necho found\n", to: "tell", executable: true)
        #expect(try run(["./tell"]).output.text == "found\n")
    }
}

/// A clock in which an hour passes with each look.
private final class Ticks: @unchecked Sendable {
    private var now: Int64 = 0

    func next() -> Int64 {
        now += 3_600_000
        return now
    }
}
