/// What has to happen before a batch may write, by the level of its job.
public struct LevelPolicy: Hashable, Sendable {
    /// What becomes of a wish to run.
    public enum Decision: Hashable, Sendable {
        /// The batch runs.
        case apply
        /// It runs once it was carried out and undone on a copy of the database.
        case rehearse
        /// It does not run: a patch plan is made, for this reason.
        case propose(because: String)
        /// It runs exactly as the approved plan says; the plan was its rehearsal.
        case carryOut(Approval)
    }

    /// Heal level, 0 to 3.
    public let level: Int

    public init(level: Int) { self.level = level }

    /// - Parameters:
    ///   - approval: a human's word for exactly this batch.
    ///   - suggestion: why nothing may be applied at the moment, whatever the level; nil when nothing stands against it.
    public func decision(approval: Approval? = nil, suggestion: String? = nil) -> Decision {
        if let approval { return .carryOut(approval) }
        if let suggestion { return .propose(because: suggestion) }
        if level >= 3 { return .propose(because: "the job is of level \(level)") }
        return level == 2 ? .rehearse : .apply
    }

    /// A whole copy before the first change, also where the job or the workspace would do with less.
    public var needsFullSnapshot: Bool { level >= 2 }

    /// What was checked in the rehearsal is checked again after the real run.
    public var needsChecklist: Bool { level >= 2 }

    /// Why a batch of this level may not run again in the transaction of a rollback, or be gone on with; nil when it may.
    public var objectionToReplay: String? {
        needsChecklist ? "its job is of level \(level) and runs only after a rehearsal" : nil
    }
}

/// A human's word for exactly one plan.
public struct Approval: Hashable, Sendable {
    /// The patch plan, e.g. `plan.4`.
    public var plan: String
    public var author: String
    public var approver: String
    /// UTC, ISO 8601.
    public var approvedAt: String

    public init(plan: String, author: String, approver: String, approvedAt: String) {
        self.plan = plan
        self.author = author
        self.approver = approver
        self.approvedAt = approvedAt
    }
}
