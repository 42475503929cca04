public import BatchCore

/// A wish to run a job.
public struct RunOrder {
    public let job: JobDefinition
    public let values: ParameterValues
    public var tenant: String?
    /// A second run with the same key does nothing.
    public var key: String?
    /// Why there may be a patch plan only, whatever the level of the job; nil when nothing stands against a run.
    public var suggestion: String?
    /// How long a plan may be applied; nil for the usual time.
    public var planLife: Duration?
    /// Also when an earlier batch of the job is half done.
    public var isAnew = false
    /// Nobody has looked at what an earlier process left that died.
    public var isUnattended = false
    /// The job of the queue that it is, when a step of a batch has queued that.
    public var queued: QueuedRun?
    /// The approved plan to carry out.
    var plan: ApprovedPatchPlan?

    public init(
        job: JobDefinition, values: ParameterValues, tenant: String? = nil, key: String? = nil,
        suggestion: String? = nil, planLife: Duration? = nil
    ) {
        self.job = job
        self.values = values
        self.tenant = tenant
        self.key = key
        self.suggestion = suggestion
        self.planLife = planLife
    }

    /// Rehearsed before, and checked after.
    var isGoverned: Bool { plan != nil || LevelPolicy(level: job.level).needsChecklist }
}

/// A job of the queue that a step of a batch has put there: the batch that it becomes depends on that one.
public struct QueuedRun: Hashable, Sendable {
    /// Its number.
    let job: Int64
    let step: QueuingStep

    /// Nil for a job that no batch has queued.
    public init?(_ job: QueueJob) {
        guard let step = job.order.queuedBy, !step.identity.isEmpty else { return nil }
        self.job = job.number
        self.step = step
    }
}

extension Runner {
    /// What became of an order.
    public enum Submission: Sendable {
        case ran(RunReport)
        /// Nothing was changed; the plan waits for approval.
        case planned(PatchPlanReport)
    }
}

/// Parameters as the ledger keeps them: a JSON object from which the very same values come back.
enum PinnedParameters {
    static func text(_ values: ParameterValues) -> String {
        JSONWriter.text(.object(values.entries.map { .init($0.name, json($0.value)) }))
    }

    static func values(_ text: String?) throws(BatchError) -> ParameterValues {
        guard let text else { return ParameterValues([]) }
        guard let members = (try? JSONParser.parse(text))?.members else {
            throw BatchError(
                .corruptLedger, "pinned parameters cannot be read", hint: "see what is damaged: \(command: "verify")")
        }
        return ParameterValues(members.map { .init($0.key, value($0.value)) })
    }

    private static func json(_ value: SQLValue) -> JSONValue {
        switch value {
        case .null: .null
        case .integer(let number): .integer(number)
        case .real(let number): .number(number)
        case .text, .text16: .string(value.string ?? "")
        case .blob(let bytes): ["blob": .string(Hex.string(bytes))]
        }
    }

    private static func value(_ json: JSONValue) -> SQLValue {
        switch json {
        case .integer(let number): .integer(number)
        case .number(let number): .real(number)
        case .string(let text): .string(text)
        case .bool(let flag): .integer(flag ? 1 : 0)
        case .object: json["blob"]?.string.flatMap { Hex.bytes($0) }.map(SQLValue.blob) ?? .null
        default: .null
        }
    }
}
