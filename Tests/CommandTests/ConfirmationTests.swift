import BatchCore
import TestSupport
import Testing
import batchmgr

@Suite struct ConfirmationTests {
    @Test func onlyAPersonAtATerminalIsAsked() throws {
        var globals = GlobalOptions()
        #expect(try Confirmation.decided("Replace?", globals, isTerminal: true) == nil)
        #expect(throws: BatchError(.usage, "not confirmed: Replace?", hint: "add --yes when that is what you want")) {
            try Confirmation.decided("Replace?", globals, isTerminal: false)
        }
        globals.isNonInteractive = true
        #expect(throws: BatchError.self) { try Confirmation.decided("Replace?", globals, isTerminal: true) }
        globals.assumesYes = true
        #expect(try Confirmation.decided("Replace?", globals, isTerminal: false) == true)
    }
}
