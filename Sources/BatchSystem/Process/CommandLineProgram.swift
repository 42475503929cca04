public import BatchCore
internal import Glibc

/// A program to start, without a shell: nothing in an argument is ever expanded.
public struct CommandLineProgram: Sendable, Equatable {
    /// The program, then its arguments. A program with a `/` is looked up from `folder`, any other one in `PATH`.
    public var arguments: [String]
    /// Variables given to the program beside the few that it inherits (`inherited`).
    public var environment: [String: String]
    /// The folder it runs in.
    public var folder: String
    /// Milliseconds until it is ended; nil for no limit.
    public var timeout: Int64?
    /// Milliseconds between the polite signal (SIGTERM) and the last one (SIGKILL).
    public var grace: Int64
    /// Bytes kept of each output; of more, only the end is kept.
    public var outputLimit: Int
    /// It stays in the process group of the caller: whoever kills that group kills it too. What it has started is only
    /// ended with the group.
    public var sharesGroup: Bool

    /// A program sees these of our own variables and no others: what else is in there may be secret.
    public static let inherited = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"]

    public init(
        arguments: [String], environment: [String: String] = [:], folder: String, timeout: Int64? = nil,
        grace: Int64 = 5_000, outputLimit: Int = 1 << 20, sharesGroup: Bool = false
    ) {
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
        self.timeout = timeout
        self.grace = grace
        self.outputLimit = outputLimit
        self.sharesGroup = sharesGroup
    }

    /// The name for messages.
    public var name: String { arguments.first ?? "" }
}

/// Finds the file of a program before anything is started, so that a missing one is named clearly.
public enum ProgramPath {
    /// The variables that the program will see.
    static func environment(of program: CommandLineProgram) -> [String: String] {
        var variables: [String: String] = ["PATH": "/usr/local/bin:/usr/bin:/bin"]
        for name in CommandLineProgram.inherited {
            if let value = Environment.value(name) { variables[name] = value }
        }
        return variables.merging(program.environment) { _, given in given }
    }

    /// - Returns: a path that is valid in the program's folder.
    static func find(_ program: CommandLineProgram) throws(BatchError) -> String {
        try requireNoNUL(program)
        guard let name = program.arguments.first, !name.isEmpty else {
            throw BatchError(
                .commandFailed, "the command is empty", hint: "give the program as the first item of the list")
        }
        guard isFolder(program.folder) else {
            throw BatchError(
                .commandFailed, "the folder '\(program.folder)' to run '\(name)' in does not exist",
                hint: "make the folder, or run from another workspace")
        }
        if name.contains("/") { return name }
        for folder in environment(of: program)["PATH", default: ""].split(separator: ":") {
            let path = "\(folder)/\(name)"
            if isProgram(path) { return path }
        }
        throw cannotStart(program, ENOENT)
    }

    /// - Throws: when it could not be started.
    public static func require(_ program: CommandLineProgram) throws(BatchError) {
        let path = try find(program)
        let file = path.isAbsolutePath ? path : "\(program.folder)/\(path)"
        guard access(file, F_OK) == 0 else { throw cannotStart(program, ENOENT) }
        guard isProgram(file) else { throw cannotStart(program, EACCES) }
    }

    static func isFolder(_ path: String) -> Bool {
        FileStatus(path)?.isFolder == true
    }

    /// True for a regular file that we may execute.
    /// Whether a program of that name is in `PATH`.
    public static func isFound(_ name: String) -> Bool {
        (try? find(CommandLineProgram(arguments: [name], folder: "/"))) != nil
    }

    public static func isProgram(_ path: String) -> Bool {
        FileStatus(path)?.isFile == true && access(path, X_OK) == 0
    }

    static func cannotStart(_ program: CommandLineProgram, _ code: Int32) -> BatchError {
        let name = "'\(PlainText.oneLine(program.name))'"
        switch code {
        case ENOENT:
            return BatchError(
                .commandFailed, "the program \(name) does not exist, or the interpreter on its first line does not",
                hint: "install it, or correct its path (it is looked up from '\(program.folder)')")
        case EACCES:
            return BatchError(
                .commandFailed, "the program \(name) is not executable",
                hint: "type: chmod +x \(ShellText.quoted(program.name))")
        case ENOEXEC:
            return BatchError(
                .commandFailed, "the program \(name) is not in a format that can be executed",
                hint: "begin a script with a line like: #!/bin/sh")
        default:
            return BatchError(
                .commandFailed, "the program \(name) could not be started: \(SystemError(code: code).text)",
                hint: "type: \(command: "doctor")")
        }
    }

    /// A NUL would silently cut the text in C.
    private static func requireNoNUL(_ program: CommandLineProgram) throws(BatchError) {
        let texts = program.arguments + [program.folder] + program.environment.flatMap { [$0.key, $0.value] }
        guard texts.allSatisfy({ !$0.utf8.contains(0) }) else {
            throw BatchError(
                .commandFailed, "an argument or variable of '\(PlainText.oneLine(program.name))' holds a NUL character",
                hint: "remove it from the parameter")
        }
    }
}
