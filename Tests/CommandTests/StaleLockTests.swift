import BatchCore
import TestSupport
import Testing

/// A lock file that a killed process left in the repository does not stop the next command; one that is held does.
@Suite struct StaleLockTests {
    private static let git = "backups/batch_manager/history.git"

    @Test(arguments: ["HEAD.lock", "refs/heads/main.lock", "refs/tags/batch/b.2.lock"])
    func aLockThatNobodyHoldsIsTakenAway(_ lock: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 1")
            _ = try scene.shell("touch \(StaleLockTests.git)/\(lock)")
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 2")
            try scene.expectWhole(lock)
        }
    }

    @Test func aLockThatAProcessHoldsIsRespected() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 1")
            let run = "\"$TOOL\" run --id b --sql 'UPDATE items SET qty = 2'"
            let result = try scene.shell("exec 9>\(StaleLockTests.git)/refs/heads/main.lock; \(run)")
            #expect(result.code == 8, "\(result.err)")
            #expect(scene.has("\(StaleLockTests.git)/refs/heads/main.lock"))
        }
    }
}
