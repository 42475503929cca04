internal import BatchCatalog
internal import BatchControl
internal import BatchCore
internal import BatchDocuments
internal import BatchEngine
internal import BatchSystem

/// What a service does by itself about documents, where its catalog has the jobs: takes in what was dropped into `in`, lets
/// the janitor go round, and holds the rules about documents against what happens. The work is done by the queue and by
/// child processes.
struct DocumentWatch {
    private let workspace: Workspace
    private let context: Context
    private var folder: FolderWatch?
    /// Milliseconds of the clock that nobody sets.
    private var lookAt: Int64 = 0
    private var cleanAt: Int64 = 0
    private var checkAt: Int64 = 0
    private var check: SupervisedProcess?
    /// What was queued last, by its job.
    private var queued: [String: Int64] = [:]
    /// What waited to be entered when it was ordered last.
    private var entered: String?
    /// An intake was ordered, and what it finds was not looked at yet.
    private var isReading = false

    /// Milliseconds between two looks into `in`, beside what the kernel tells: `POLL_INTERVAL_MS`.
    private static let pollPeriod: Int64 = {
        (try? KnownSetting.environment("POLL_INTERVAL_MS")).flatMap { $0 }.flatMap { Int64($0) } ?? 1_000
    }()
    private static let cleanPeriod: Int64 = 600_000
    private static let checkPeriod: Int64 = 60_000
    /// A file is taken when nobody has touched it for two seconds.
    private static let settled: Int64 = 2_100
    /// What has failed is not tried again at once.
    private static let failurePause: Int64 = 600_000

    init(_ workspace: Workspace, context: Context) {
        self.workspace = workspace
        self.context = context
    }

    private var input: String { workspace.data + "/in" }

    mutating func look() {
        let now = context.clock.now()
        guard workspace.catalog != nil, Folder.exists(input) else { return }
        if folder == nil { folder = FolderWatch(input) }
        if folder?.hasHeard == true { lookAt = min(lookAt, now + DocumentWatch.settled) }
        guard now >= min(lookAt, cleanAt, checkAt) else { return }
        do throws(BatchError) {
            if now >= lookAt || now >= cleanAt { try order(now) }
            if now >= checkAt {
                checkAt = now + DocumentWatch.checkPeriod
                try hold()
            }
        } catch {
            context.log.write(
                .error, "service.documents", "the rules about documents could not be applied: \(error.logMessage)",
                module: .runner, error: error)
        }
    }

    /// Those of the workspace; where there are none yet, those of its first database.
    private func documents() throws(BatchError) -> Documents? {
        if let documents = try Documents.any(in: workspace, context: context) { return documents }
        guard let first = workspace.databases.first(where: { $0.tenancy != .file }) else { return nil }
        return Documents(try Session.view(workspace.choosing(first), context: context))
    }

    private mutating func order(_ now: Int64) throws(BatchError) {
        let isCleaning = now >= cleanAt
        lookAt = now + DocumentWatch.pollPeriod
        if isCleaning { cleanAt = now + DocumentWatch.cleanPeriod }
        let names = try Folder.names(in: input)
        let isDecided = Documents.isDecided(in: workspace.data)
        guard isCleaning || !names.isEmpty || isReading || isDecided, let documents = try documents() else { return }
        let due = try documents.due()
        if due.hasInput, try !documents.isReady() {
            lookAt = now + DocumentWatch.settled
            return try queue("ocr_tables")
        }
        if due.hasInput || isDecided {
            try queue("ocr_intake")
            isReading = true
        } else if isReading {
            isReading = try known("ocr_intake")?.state.isOpen == true
        }
        if due.hasRoom { try queue("repair_reprocess_ocr_batch", ["reason=disk_short"]) }
        if due.isOld { try queue("repair_clean_documents") }
        try enter(due.staged)
    }

    /// Fields are entered by the job `ocr_enter`, where the catalog has it. What it leaves is not tried again until more comes.
    private mutating func enter(_ staged: String?) throws(BatchError) {
        guard staged != entered else { return }
        let board = try context.store(of: workspace).switches()
        if board.value(of: .flag("auto_entry"), at: context.now()) == .off { return }
        if staged != nil { try queue("ocr_enter") }
        entered = staged
    }

    /// While one of them waits or works, there is no other.
    private mutating func queue(_ job: String, _ assignments: [String] = []) throws(BatchError) {
        let jobs = try workspace.loadCatalog(StepRegistry.builtIn.rules()).jobs
        guard jobs.contains(where: { $0.id == job }), try !hasFailed(job) else { return }
        let order = QueueOrder(
            job: job, assignments: assignments, runAt: context.now(), uniqueKey: "documents:\(job)")
        queued[job] = try Queue(workspace, context: context).add(order).entry.job.number
    }

    private func known(_ job: String) throws(BatchError) -> QueueJob? {
        guard let number = queued[job] else { return nil }
        return try context.store(of: workspace).queueJob(number)
    }

    private func hasFailed(_ job: String) throws(BatchError) -> Bool {
        guard let known = try known(job), known.state.isLost else { return false }
        return context.now().milliseconds - known.stateAt.milliseconds < DocumentWatch.failurePause
    }

    /// A child does it: what a repair reads may be anything.
    private mutating func hold() throws(BatchError) {
        guard check == nil || check?.ending != nil, let catalog = workspace.catalog,
            Folder.exists(catalog + "/rules.yaml") || Folder.exists(catalog + "/rules.yml"),
            let documents = try Documents.any(in: workspace, context: context)
        else { return }
        // 1: something fired, and was told as an incident.
        if let ending = check?.ending, ending != .exited(0), ending != .exited(1) {
            context.log.write(
                .warn, "service.documents", "the rules about documents could not be checked", module: .runner)
        }
        check = try SupervisedProcess([
            OwnProgram.path, "rules", "check", "--documents", "--quiet", "--workspace", workspace.folder,
            "--database", documents.database,
        ])
    }
}
