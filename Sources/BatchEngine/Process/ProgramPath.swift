internal import BatchCore
internal import Glibc

/// Finds the file of a program before anything is started, so that a missing one is named clearly.
enum ProgramPath {
    /// The variables that the program will see.
    static func environment(of program: CommandLineProgram) -> [String: String] {
        var variables: [String: String] = ["PATH": "/usr/local/bin:/usr/bin:/bin"]
        for name in CommandLineProgram.inherited {
            if let value = getenv(name) { variables[name] = String(cString: value) }
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

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// True for a regular file that we may execute.
    static func isProgram(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
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
                .commandFailed, "the program \(name) may not be executed", hint: "type: chmod +x \(program.name)")
        case ENOEXEC:
            return BatchError(
                .commandFailed, "the program \(name) is not in a format that can be executed",
                hint: "begin a script with a line like: #!/bin/sh")
        default:
            return BatchError(
                .commandFailed, "the program \(name) could not be started: \(SystemFault.text(code))",
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
