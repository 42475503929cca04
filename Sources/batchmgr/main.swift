internal import BatchCore
internal import BatchLedger
internal import BatchSystem
internal import Glibc

// A closed pipe becomes an error of write(), not the death of a batch half-way.
signal(SIGPIPE, SIG_IGN)
// So does a file that grows past `ulimit -f`.
signal(SIGXFSZ, SIG_IGN)
MemoryLimit.announce()
SQLiteProcess.prepare()
// `CommandLine.arguments` mends bytes that are no UTF-8: what is stored would not be what was typed.
var arguments: [String] = []
var isText = true
for place in 1..<max(1, Int(CommandLine.argc)) {
    guard let bytes = CommandLine.unsafeArgv[place] else { continue }
    isText = isText && String(validatingCString: bytes) != nil
    arguments.append(String(cString: bytes))
}
exit(CommandLineRun(arguments: arguments, isText: isText).execute().rawValue)
