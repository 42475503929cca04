internal import BatchCore
internal import BatchLedger
internal import Glibc

// A closed pipe becomes an error of write(), not the death of a batch half-way.
signal(SIGPIPE, SIG_IGN)
SQLiteProcess.prepare()
exit(CommandLineRun(arguments: Array(CommandLine.arguments.dropFirst())).execute().rawValue)
