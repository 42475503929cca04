internal import BatchCatalog
internal import BatchCore
public import BatchEngine
internal import BatchHealing

extension Verb {
    public static let list = Verb(
        "list", "list batches, the latest first",
        options: [
            .value("job", .text("JOB"), "only batches of this job").main,
            .value("status", .choice(BatchStatus.allCases.map(\.rawValue)), "only batches in this state"),
            .value("limit", .number("N"), "at most N batches (default: 20; with --json 1,000)"),
            .flag("all", "all of them"),
        ],
        topic: .look, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr list --status failed --limit 10", "the last failures")])

    public static let show = Verb(
        "show", "show one batch: checkpoints, dependents, restore point",
        details: "A batch may be named by its point too: latest, a time, a tag or a commit, as for restore.",
        options: [batch("the batch, a job for its latest one, or a point").main, .all],
        topic: .look, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr show --id reprice_invoices.3", "one batch in full")])
}

extension ListRequest {
    /// How many to list: people look at the last ones, programs read more.
    static func limit(_ arguments: ParsedArguments, people: Int) -> Int {
        arguments.number("limit") ?? (arguments.has("all") ? .max : arguments.globals.isJSON ? 1_000 : people)
    }

    public init(_ arguments: ParsedArguments) {
        self.init(
            job: arguments.value("job"), status: arguments.value("status").flatMap { BatchStatus(rawValue: $0) },
            limit: ListRequest.limit(arguments, people: ListRequest.usualLimit))
    }
}

extension Command {
    static let list = Command(.list) { (arguments, call) throws(BatchError) in
        let request = ListRequest(arguments)
        do throws(BatchError) {
            try call.output.show(try call.view().list(request))
        } catch  where error.isLoss {
            let lost = try call.lost(error)
            lost.warn()
            try call.output.show(lost.batches(request))
        }
        return .done
    }

    static let show = Command(.show) { (arguments, call) throws(BatchError) in
        let point = try PointReference(try arguments.required("id"))
        let session = try call.view()
        try call.output.show(try session.show(try session.batch(at: point)))
        return .done
    }
}

extension Verb {
    static let status = Verb(
        "status", "show the last batches, what is half done, what waits, and what grows",
        details: """
            Sizes are those of the database, of the undo log in it, and of everything beside it, with what keep: does about \
            each. A point is proven when a drill has restored it. Exit 6 when the database file is lost: then it is said \
            what is left of it, and what brings it back.
            """,
        topic: .look, role: .viewer,
        trace: .view,
        examples: [.init("batchmgr status", "is all well?")])
}

extension Command {
    static let status = Command(.status) { (_, call) throws(BatchError) in
        do throws(BatchError) {
            let session = try call.view()
            var report = try session.status()
            let jobs = (try? call.workspace().loadCatalog(StepRegistry.builtIn.rules()).jobs) ?? []
            try HealthView(session, jobs: jobs).add(to: &report)
            try call.output.show(report)
            return .done
        } catch  where error.isLoss {
            try call.output.show(try call.lost(error).status())
            return .integrityViolation
        }
    }
}
