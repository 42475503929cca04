import TestSupport
import Testing

/// A few of the cases of `scripts/inject`; all of them take hours.
@Suite struct InjectTests {
    @Test(arguments: [
        ("first", "kill", 20), ("run", "EIO", 15), ("rollback", "ENOSPC", 40), ("restore", "EMFILE", 3),
        ("erase", "kill", 30),
    ])
    func aCallThatFailsLosesNothing(command: String, kind: String, first: Int) throws {
        let here = "\(#filePath)"
        let script = here.prefix(upTo: try #require(here.firstRange(of: "/Tests/")?.lowerBound)) + "/scripts/inject"
        let result = try BuiltTool.shell(
            "'\(script)' --batchmgr \"$TOOL\" --with \(kind) --from \(first) --every 17 --most 2 \(command)",
            shell: "/bin/bash")
        #expect(result.code == 0, "\(result.out)\(result.err)")
    }
}
