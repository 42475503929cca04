internal import BatchCore
internal import BatchDocuments
internal import BatchLedger
internal import BatchSystem
internal import Glibc

// A closed pipe becomes an error of write(), not the death of a batch half-way.
signal(SIGPIPE, SIG_IGN)
// So does a file that grows past `ulimit -f`.
signal(SIGXFSZ, SIG_IGN)
let words = Environment.words
if words == [Array(OCRWorker.word.utf8)] {
    OCRWorker.serve()
    ProcessEnd.now(0)
}
MemoryLimit.announce()
Connection.prepareProcess()
let isText = words.allSatisfy { String(validating: $0, as: UTF8.self) != nil }
let arguments = words.map { String(decoding: $0, as: UTF8.self) }
let code = CommandLineRun(arguments: arguments, isText: isText).execute()
StopSignal.waitIfEnding()
ProcessEnd.now(code.rawValue)
