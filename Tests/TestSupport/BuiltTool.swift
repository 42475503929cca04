internal import Glibc
internal import Testing

/// The built `batchmgr`, run as a user runs it.
public struct BuiltTool {
    public struct Result {
        public let code: Int32
        public let out: String
        public let err: String
    }

    /// Beside the test bundle.
    public static var path: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let me = String(decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return me[..<(me.lastIndex(of: "/") ?? me.startIndex)] + "/batchmgr"
    }

    /// What looks into a database while a service writes waits its turn.
    private static let patient = "sqlite3() { command sqlite3 -cmd '.timeout 20000' \"$@\"; }\n"

    public static func run(_ arguments: String...) throws -> Result { try shell("exec \"$TOOL\" \"$@\"", arguments) }

    /// Runs a line of `sh`, or of another shell; `$TOOL` is the built binary.
    public static func shell(_ line: String, _ arguments: [String] = [], shell: String = "/bin/sh") throws -> Result {
        try TemporaryFolder.with { folder in
            let (out, err) = ("\(folder)/out", "\(folder)/err")
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            for (stream, file) in [(Int32(1), out), (2, err)] {
                posix_spawn_file_actions_addopen(&actions, stream, file, O_WRONLY | O_CREAT, 0o600)
            }
            // Threads that run tests have signals blocked, and the shell would hand that on.
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var none = sigset_t()
            sigemptyset(&none)
            posix_spawnattr_setsigmask(&attributes, &none)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
            let words = [shell, "-c", shell == "/bin/sh" ? patient + line : line, shell] + arguments
            let argv = words.map { strdup($0) } + [nil]
            let variables: [String] = [
                "TOOL=\(path)", "PATH=/usr/bin:/bin", "HOME=\(folder)", "TERM=xterm", "BATCHMGR_KEEP=all",
            ]
            let environment = variables.map { strdup($0) }
            defer { for text in argv + environment { free(text) } }
            var process: pid_t = 0
            try #require(posix_spawn(&process, shell, &actions, &attributes, argv, environment + [nil]) == 0)
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
            return Result(code: code, out: try TextFile.read(out), err: try TextFile.read(err))
        }
    }
}
