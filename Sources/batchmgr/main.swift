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
exit(CommandLineRun(arguments: Array(CommandLine.arguments.dropFirst())).execute().rawValue)
