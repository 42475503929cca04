/// What is done, in which order, when something goes wrong: a file of `catalog/runbooks`.
public struct RunbookDefinition: Hashable, Sendable {
    public struct Step: Hashable, Sendable {
        public var id: String
        /// 1 is done at once, 2 after a person has said yes, 3 by a person, who gets a plan where there are words.
        public var level: Int
        public var text: String
        /// The words of a command of batchmgr, with `{tenant}` and `{module}`; none: a person does it.
        public var words: [String]
        /// The command may find something wrong: that is an answer, and no reason to stop.
        public var mayFail: Bool

        public init(id: String, level: Int, text: String, words: [String], mayFail: Bool) {
            self.id = id
            self.level = level
            self.text = text
            self.words = words
            self.mayFail = mayFail
        }

        /// What to type for it; nil: nothing of batchmgr.
        public var command: HintCommand? {
            guard let first = words.first else { return nil }
            return words.dropFirst().reduce("\(first)") { $0.adding("\($1)") }
        }
    }

    public var id: String
    public var title: String
    /// When to use it.
    public var occasion: String
    public var needsTenant: Bool
    public var steps: [Step]

    public init(id: String, title: String, occasion: String, needsTenant: Bool, steps: [Step]) {
        self.id = id
        self.title = title
        self.occasion = occasion
        self.needsTenant = needsTenant
        self.steps = steps
    }

    /// The page of the documentation.
    public var markdown: String {
        let verbs = ["at once", "after a yes", "by a person"]
        let rows = steps.map { step in
            let words = step.words.map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " ")
            let does = step.level >= 3 && !words.isEmpty ? "makes a plan" : verbs[min(max(step.level, 1), 3) - 1]
            let text = step.text + (words.isEmpty ? "" : ": `batchmgr \(words)`")
            return "| \(step.id) | \(step.level), \(does) | \(text) |\n"
        }
        return """
            ## \(id)

            **\(title).** \(occasion).

            | step | level | what |
            |---|---|---|
            \(rows.joined())
            """
    }

    /// Checked by the program when it has run.
    public static let checklist = [
        ("audit", "each step that was done has a row in the audit, with its trace and tenant"),
        ("gateway", "nothing was written outside a batch"),
        ("rollback", "every batch of the run could be undone: it was rehearsed"),
        ("objectives", "the service is within its bounds"),
        ("postmortem", "every critical incident has a postmortem that reached somebody"),
    ]
}

/// `runbook list`, `runbook show` and `runbook run`
public struct RunbookReport: Report, Hashable {
    public enum Outcome: String, Hashable, Sendable {
        case done
        case failed
        /// It takes a yes.
        case waiting
        /// A person does it, or approves the plan that was made.
        case planned
        /// A step before it has failed.
        case skipped
    }

    public struct Step: Hashable, Sendable {
        public let step: RunbookDefinition.Step
        public let outcome: Outcome?
        /// The error of a command that failed, the plans that it made, or why nothing was done.
        public let detail: String?

        public init(step: RunbookDefinition.Step, outcome: Outcome?, detail: String? = nil) {
            self.step = step
            self.outcome = outcome
            self.detail = detail
        }
    }

    public struct Check: Hashable, Sendable {
        public let name: String
        public let isOK: Bool
        public let detail: String

        public init(name: String, isOK: Bool, detail: String) {
            self.name = name
            self.isOK = isOK
            self.detail = detail
        }
    }

    public let runbooks: [RunbookDefinition]
    /// Of a run.
    public let steps: [Step]
    public let checklist: [Check]

    public init(runbooks: [RunbookDefinition], steps: [Step] = [], checklist: [Check] = []) {
        self.runbooks = runbooks
        self.steps = steps
        self.checklist = checklist
    }

    public var isRun: Bool { !checklist.isEmpty }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        func json(_ step: RunbookDefinition.Step, _ more: [JSONValue.Member] = []) -> JSONValue {
            .object(
                [
                    .init("id", .string(step.id)), .init("level", JSONValue(step.level)),
                    .init("text", .string(step.text)), .init("run", .array(step.words.map(JSONValue.string))),
                ] + more)
        }
        guard isRun, let runbook = runbooks.first else {
            return [
                .init(
                    "runbooks",
                    .array(
                        runbooks.map { runbook in
                            [
                                "runbook": .string(runbook.id), "title": .string(runbook.title),
                                "when": .string(runbook.occasion), "steps": .array(runbook.steps.map { json($0) }),
                            ]
                        }))
            ]
        }
        let done = steps.map { step in
            json(
                step.step,
                [.init("outcome", JSONValue(step.outcome?.rawValue)), .init("detail", JSONValue(step.detail))])
        }
        return [
            .init("runbook", .string(runbook.id)), .init("steps", .array(done)),
            .init(
                "checklist",
                .array(
                    checklist.map {
                        ["name": .string($0.name), "ok": .bool($0.isOK), "detail": .string($0.detail)]
                    })),
        ]
    }

    public var exitCode: ExitCode {
        if steps.contains(where: { $0.outcome == .failed }) { return .stepFailed }
        return steps.contains { $0.outcome == .waiting } ? .waitingForApproval : .done
    }
}
