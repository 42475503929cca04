/// `heal list`
public struct RepairListReport: Report, Hashable {
    public struct Entry: Hashable, Sendable {
        public let job: JobDefinition
        /// The parts of the application that it belongs to.
        public let modules: [String]
        /// False while a switch holds it back.
        public let isEnabled: Bool
        /// The tenants for which it is frozen; an empty name for a database without tenants.
        public let frozen: [String]
        /// Since when nothing is tried for any tenant, because it failed for too many; nil when it is not halted.
        public let haltedSince: Timestamp?
        /// What became of the last execution; nil when there was none.
        public let lastOutcome: String?

        public init(
            job: JobDefinition, modules: [String] = [], isEnabled: Bool, frozen: [String],
            haltedSince: Timestamp? = nil, lastOutcome: String?
        ) {
            self.job = job
            self.modules = modules
            self.isEnabled = isEnabled
            self.frozen = frozen
            self.haltedSince = haltedSince
            self.lastOutcome = lastOutcome
        }
    }

    public let entries: [Entry]

    public init(entries: [Entry]) { self.entries = entries }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let jobs = entries.map { entry -> JSONValue in
            [
                "id": .string(entry.job.id), "version": .string("\(entry.job.version)"),
                "level": JSONValue(entry.job.level), "class": JSONValue(entry.job.repair?.faults.rawValue),
                "modules": .array(entry.modules.map(JSONValue.string)), "enabled": .bool(entry.isEnabled),
                "frozen": .bool(!entry.frozen.isEmpty),
                "frozen_tenants": .array(entry.frozen.map(JSONValue.string)),
                "halted": .bool(entry.haltedSince != nil), "halted_since": JSONValue(entry.haltedSince?.iso8601),
                "last_outcome": JSONValue(entry.lastOutcome),
                "flag_only": .bool(entry.job.repair?.isFlagOnly == true), "description": .string(entry.job.description),
            ]
        }
        return [.init("jobs", .array(jobs))]
    }
}

/// `heal scan`
public struct HealScanReport: Report, Hashable {
    /// By job, in the order of its query.
    public let findings: [Finding]
    /// All of them, also those that `findings` leaves out.
    public let counts: [Count]

    public struct Count: Hashable, Sendable {
        public let job: String
        public let count: Int
        /// A person corrects what it finds.
        public let isFlagOnly: Bool

        public init(job: String, count: Int, isFlagOnly: Bool = false) {
            self.job = job
            self.count = count
            self.isFlagOnly = isFlagOnly
        }
    }

    public init(findings: [Finding], counts: [Count]) {
        self.findings = findings
        self.counts = counts
    }

    public var total: Int { counts.reduce(0) { $0 + $1.count } }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("findings", .array(findings.map(\.json))),
            .init("counts", .object(counts.map { .init($0.job, JSONValue($0.count)) })),
        ]
    }
}

/// `heal run`
public struct HealRunReport: Report {
    public enum Mode: String, Hashable, Sendable {
        case dryRun = "dry_run"
        case apply
        /// Everything becomes a plan.
        case propose
    }

    public enum Outcome: String, Hashable, Sendable {
        /// Nothing is wrong any more.
        case healed
        /// Something is still wrong.
        case partial
        /// The batch failed, or nothing improved.
        case failed
        /// It waits for approval as a plan.
        case planned
        /// It was tried and discarded.
        case discarded
        /// Failed too often; nothing was done.
        case frozen
        /// It fails for too many targets; nothing was done for this one.
        case halted
        /// A switch holds it back, or other work stood in the way: nothing was done, and it is no failure.
        case skipped
        /// It stopped at a checkpoint, and goes on with the next run.
        case stopped
    }

    /// What was done for one tenant, or for the whole database.
    public struct Execution: Sendable {
        public let tenant: String?
        public let outcome: Outcome
        public let before: Int
        /// Nil where nothing was changed.
        public let after: Int?
        public let run: RunReport?
        public let plan: PatchPlanReport?
        public let error: BatchError?
        /// The half-done batch that it goes on with, or would.
        public let continued: BatchID?

        public init(
            tenant: String?, outcome: Outcome, before: Int, after: Int? = nil, run: RunReport? = nil,
            plan: PatchPlanReport? = nil, error: BatchError? = nil, continued: BatchID? = nil
        ) {
            self.tenant = tenant
            self.outcome = outcome
            self.before = before
            self.after = after
            self.run = run
            self.plan = plan
            self.error = error
            self.continued = continued
        }

        func json(_ call: CallOptions) -> JSONValue {
            .object(
                [
                    .init("tenant", JSONValue(tenant)), .init("outcome", .string(outcome.rawValue)),
                    .init("findings_before", JSONValue(before)),
                    .init("findings_after", after.map { JSONValue($0) } ?? .null),
                    .init("batch", JSONValue(run?.batch.description)),
                ] + JSONValue.Member.only("rows", run.map(\.rows.json))
                    + JSONValue.Member.only("continues", continued.map { .string($0.description) })
                    + JSONValue.Member.only("plan", plan.map { .string("\($0.id)") })
                    + JSONValue.Member.only("error", error.map { .string($0.code.rawValue) })
                    + JSONValue.Member.only("message", error.map { .string($0.message) }))
        }
    }

    public let job: String
    public let mode: Mode
    public let executions: [Execution]
    /// Wrong rows before it, and when it had run.
    public let before: Int
    public let after: Int?

    public init(job: String, mode: Mode, executions: [Execution], before: Int, after: Int?) {
        self.job = job
        self.mode = mode
        self.executions = executions
        self.before = before
        self.after = after
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        // One execution answers as `run` does.
        var members = executions.count == 1 ? executions[0].run?.members(call) ?? [] : []
        if members.isEmpty { members.append(.init("job", .string(job))) }
        members += [
            .init("mode", .string(mode.rawValue)), .init("findings_before", JSONValue(before)),
            .init("findings_after", after.map { JSONValue($0) } ?? .null),
            .init("executions", .array(executions.map { $0.json(call) })),
        ]
        if !members.contains(where: { $0.key == "plan" }) {
            members.append(.init("plan", JSONValue(executions.lazy.compactMap(\.plan).first.map { "\($0.id)" })))
        }
        return members
    }

    /// Of the worst execution.
    public var exitCode: ExitCode {
        if let error = executions.lazy.compactMap(\.error).first { return error.code.exitCode }
        if executions.contains(where: { $0.outcome == .frozen || $0.outcome == .halted }) { return .refusedByPolicy }
        if executions.contains(where: { $0.outcome == .planned }) { return .waitingForApproval }
        return executions.contains { $0.outcome == .failed } ? .stepFailed : .done
    }
}

/// `heal history`
public struct HealHistoryReport: Report, Hashable {
    /// Rows of the audit, the newest last.
    public let rows: [AuditRow]

    public init(rows: [AuditRow]) { self.rows = rows }

    /// A member of the details of a row.
    public static func detail(_ key: String, of row: AuditRow) -> String? {
        (try? JSONParser.parse(row.entry.details))?[key]?.string
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        let executions = rows.map { row -> JSONValue in
            [
                "job": JSONValue(HealHistoryReport.detail("job", of: row)),
                "mode": JSONValue(HealHistoryReport.detail("mode", of: row)),
                "outcome": .string(row.entry.outcome), "batch": JSONValue(row.entry.batch),
                "tenant": JSONValue(row.entry.tenant), "trace_id": .string(row.entry.traceID),
                "actor": .string(row.entry.actor), "begun_by": JSONValue(HealHistoryReport.detail("begun_by", of: row)),
                "started_at": .string(row.entry.at),
            ]
        }
        return [.init("executions", .array(executions))]
    }
}

/// `heal thaw`
public struct HealThawReport: Report, Hashable {
    public let job: String
    /// The tenants for which the job was frozen; an empty name for a database without tenants.
    public let thawed: [String]
    /// It was halted for all.
    public let isHaltLifted: Bool

    public init(job: String, thawed: [String], isHaltLifted: Bool) {
        self.job = job
        self.thawed = thawed
        self.isHaltLifted = isHaltLifted
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("job", .string(job)), .init("thawed", .array(thawed.map(JSONValue.string))),
            .init("halt_lifted", .bool(isHaltLifted)),
        ]
    }
}

/// `contract list` and `contract check`
public struct ContractReport: Report {
    public struct Entry: Sendable {
        public let contract: ContractDefinition
        /// Nil when it was not asked.
        public let status: ContractDefinition.Status?
        public let violations: Int
        /// The first of them.
        public let columns: [String]
        public let rows: [[SQLValue]]
        /// The latest batch that changed one of the rows; nil when none did, or it cannot be told.
        public let batch: String?
        public let error: BatchError?
        /// The same for each of `rows`.
        public var rowBatches: [String?] = []
        /// It was asked of so many changed keys alone; nil when it was asked of all rows.
        public var keys: Int?

        public init(
            contract: ContractDefinition, status: ContractDefinition.Status? = nil, violations: Int = 0,
            columns: [String] = [], rows: [[SQLValue]] = [], batch: String? = nil, error: BatchError? = nil
        ) {
            self.contract = contract
            self.status = status
            self.violations = violations
            self.columns = columns
            self.rows = rows
            self.batch = batch
            self.error = error
        }

        /// All batches that set something in these rows, each once.
        public var batches: [String] {
            var found: [String] = []
            for name in rowBatches.compactMap(\.self) + [batch].compactMap(\.self) where !found.contains(name) {
                found.append(name)
            }
            return found
        }

        fileprivate var json: JSONValue {
            var members: [JSONValue.Member] = [
                .init("id", .string(contract.id)), .init("description", .string(contract.description)),
                .init("class", .string(contract.faults.rawValue)),
                .init("severity", .string(contract.severity.rawValue)),
                .init("when", .string(contract.occasion.rawValue)),
            ]
            guard let status else { return .object(members) }
            let objects = rows.map { row in
                JSONValue.object(zip(columns, row).map { .init($0, $1.json) })
            }
            members += [
                .init("status", .string(status.rawValue)), .init("violations", JSONValue(violations)),
                .init("rows", .array(objects)), .init("batch", JSONValue(batch)),
            ]
            members.append(.init("row_batches", .array(rowBatches.map { JSONValue($0) })))
            members += [.init("scope", .string(keys == nil ? "all" : "changed"))]
            members += JSONValue.Member.only("keys", keys.map { JSONValue($0) })
            members += JSONValue.Member.only("error", error.map { .string($0.message) })
            return .object(members)
        }
    }

    public let entries: [Entry]

    public init(entries: [Entry]) { self.entries = entries }

    public var isOK: Bool { !entries.contains { $0.status == .fail } }
    public var exitCode: ExitCode { isOK ? .done : .stepFailed }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("ok", .bool(isOK)), .init("contracts", .array(entries.map(\.json)))]
    }
}
