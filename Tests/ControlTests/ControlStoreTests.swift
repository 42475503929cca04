import BatchControl
import BatchCore
import BatchHistory
import BatchLedger
import Testing

/// Each operation of the control store is one transaction, and of two processes at once one is first.
struct ControlStoreTests {
    @Test func ofTwoDecisionsOnAPlanOneCounts() throws {
        try ControlScene.with { path in
            let (one, other) = (try ControlScene.open(path), try ControlScene.open(path))
            let plan = try one.addPlan { ControlScene.plan($0) }
            var (approved, rejected) = (plan, plan)
            approved.status = .approved
            rejected.status = .rejected
            #expect(try one.movePlan(approved, from: [.proposed]) {})
            #expect(try other.movePlan(rejected, from: [.proposed]) {} == false)
            #expect(try other.plan(plan.id)?.status == .approved)
        }
    }

    @Test func whatCannotBeNotedDoesNotHappen() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            let plan = try file.addPlan { ControlScene.plan($0) }
            var moved = plan
            moved.status = .approved
            let full = BatchError(.diskFull, "full", hint: "free some space")
            #expect(throws: BatchError.self) {
                try file.movePlan(moved, from: [.proposed]) { () throws(BatchError) in throw full }
            }
            #expect(throws: BatchError.self) {
                try file.addPlan { (_) throws(BatchError) -> PatchPlanRecord in throw full }
            }
            #expect(try file.plans().map(\.status) == [.proposed])
        }
    }

    @Test func aSwitchAndItsRowInTheAuditAreOne() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            #expect(try ControlScene.actions(file).isEmpty)
            #expect(try file.set(ControlScene.safeMode(.on), ControlScene.act("switch set")) == .off)
            #expect(try ControlScene.actions(file) == ["control", "switch set"])
            // The chain cannot be written: the switch is not set either.
            try file.connection.execute(
                "CREATE TRIGGER stop BEFORE INSERT ON batchmgr_audit BEGIN SELECT RAISE(ABORT, 'no'); END")
            #expect(throws: BatchError.self) {
                try file.set(ControlScene.safeMode(.off), ControlScene.act("switch set"))
            }
            let other = try ControlScene.open(path)
            #expect(try other.switches().value(of: .safeMode(.everywhere), at: ControlScene.now) == .on)
            #expect(try file.switches().value(of: .safeMode(.everywhere), at: ControlScene.now) == .on)
        }
    }

    @Test func aSwitchSetElsewhereIsSeenAtOnce() throws {
        try ControlScene.with { path in
            let (one, other) = (try ControlScene.open(path), try ControlScene.open(path))
            #expect(try one.switches().states.isEmpty)
            _ = try other.set(ControlScene.safeMode(.on), ControlScene.act("switch set"))
            #expect(try one.switches().value(of: .safeMode(.everywhere), at: ControlScene.now) == .on)
        }
    }

    @Test func theChainOfTheControlFileIsThatOfALedger() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            for _ in 0..<3 { try file.append(ControlScene.act("verify"), details: ["tables": 1]) }
            let walk = try AuditWalk(AuditChain(.control, on: file.connection), noting: []).perform()
            #expect(walk.findings.isEmpty && walk.rows == 4 && walk.unsealed == 0)
            try file.connection.execute("UPDATE batchmgr_audit SET actor = 'eve' WHERE seq = 2")
            let edited = try AuditWalk(AuditChain(.control, on: file.connection), noting: []).perform()
            #expect(edited.findings.map(\.kind) == [.edited])
        }
    }

    @Test func aCorrectionOfTheAuditLeavesARowWhenItChangedSomething() throws {
        try ControlScene.with { path in
            let file = try ControlScene.open(path)
            try file.append(ControlScene.act("verify"), details: [:])
            try file.correct(ControlScene.act("erase")) { _ in nil }
            #expect(try ControlScene.actions(file) == ["control", "verify"])
            try file.correct(ControlScene.act("erase")) { _ in ["rows": 1] }
            #expect(try ControlScene.actions(file) == ["control", "verify", "erase"])
        }
    }
}
