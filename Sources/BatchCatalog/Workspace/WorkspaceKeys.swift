internal import BatchCore

/// The keys of `batchmgr.yaml`.
enum WorkspaceKeys {
    static let table = KeyTable(
        "batchmgr.yaml",
        [
            KeyRule(
                "databases", .entries(.jobName, .record(database)), required: true,
                "The databases, each under a name; the name is also its branch in the history."),
            KeyRule(
                "backups", .text(.filled), "Folder for restore points, reports and logs (`backups/batch_manager`)."),
            KeyRule("catalog", .text(.filled), "Folder of the jobs (`catalog`)."),
            KeyRule("data", .text(.filled), "Folder of the documents: `in`, `out`, `work` and more (`data`)."),
            KeyRule(
                "keep", .record(keep), "What is kept of everything that grows; the rest is removed after each run."),
            KeyRule("plugins", .entries(.jobName, .text(.filled)), "Step kinds that programs add: `NAME: path`."),
            KeyRule("log", .record(log), "The structured log, see logs.md."),
            KeyRule("http", .record(http), "How `serve` answers over HTTP, see http.md."),
            KeyRule(
                "signals", .entries(.jobName, .choice(SignalKind.allCases.map(\.rawValue))),
                "What the application says about itself: `NAME: latency`, `error` or `usage`, see metrics.md."),
            KeyRule(
                "traces", .record(traces),
                "Spans for OpenTelemetry, in `logs/traces.jsonl` and to a receiver, see traces.md."),
            KeyRule(
                "notify", .list(JobKeys.notification, mayBeEmpty: true), "Whom to notify when something goes wrong."),
            KeyRule("queue", .record(queue), "The queue, see queue.md."),
            KeyRule(
                "watchdog", .record(watchdog), "An outside address that the service calls to show that it is alive."),
            KeyRule("roles", .record(roles), "Who may do what; without this key everybody may do everything."),
        ])

    private static let http = KeyTable(
        "http",
        [
            KeyRule("bind", .text(.filled), "The address to listen on (`127.0.0.1`)."),
            KeyRule("port", .integer(0...65_535), "The port; 0 for one that is free (`18083`)."),
            KeyRule(
                "public", .boolean,
                "Whether this machine may read `/health`, `/metrics`, `/jobs` and `/config` without a token (`true`)."),
            KeyRule(
                "trust_loopback", .boolean,
                "Whether this machine may do, without a token, everything that the user of the service may (`false`)."),
            KeyRule(
                "proxies", .list(.text(.filled), mayBeEmpty: true),
                "Addresses and networks whose `X-Forwarded-For` is believed."),
            KeyRule("plain", .boolean, "Listen on other addresses than loopback without TLS (`false`)."),
            KeyRule(
                "certificate", .text(.filled), "PEM file of the certificate and its chain; turns TLS on."),
            KeyRule("key", .text(.filled), "PEM file of its private key."),
            KeyRule("rate", .integer(1...1_000_000), "Requests a minute for each token or address (`600`)."),
            KeyRule("body_kib", .integer(1...102_400), "KiB that the body of a request may have (`1024`)."),
            KeyRule("connections", .integer(1...10_000), "Connections at the same time (`200`)."),
        ])

    private static let queue = KeyTable(
        "queue",
        [
            KeyRule(
                "max_age", .record(ages),
                "How long a job may be in a state before it is reported as `stuck` and listed by `queue list --stuck`."),
            KeyRule(
                "worker_mib", .integer(16...1_048_576),
                "MiB of memory that a worker of the service may hold; with more, it ends after its current job (`1024`)."
            ),
        ])

    private static let ages = KeyTable(
        "max_age",
        QueueState.allCases.compactMap { state in
            QueueSettings.usualAges[state].map { age in
                KeyRule(state.rawValue, .text(.duration), "Of jobs that are \(state.rawValue) (`\(age.text)`).")
            }
        })

    private static let watchdog = KeyTable(
        "watchdog",
        [
            KeyRule(
                "url", .text(.address), required: true,
                "Gets a POST each time; it should raise the alarm when none has come for a while."),
            KeyRule("every", .text(.duration), "How often (`1m`)."),
        ])

    private static let traces = KeyTable(
        "traces",
        [
            KeyRule(
                "url", .text(.address),
                "A receiver of OTLP over HTTP with JSON, e.g. `http://127.0.0.1:4318/v1/traces`."),
            KeyRule("sample", .number(0...100), "How many of 100 ordinary traces are kept (`1`)."),
        ])

    private static let users = ValueShape.list(.text(.filled), mayBeEmpty: true)

    private static let roles = KeyTable(
        "roles",
        [
            KeyRule("viewer", users, "Users who may look."),
            KeyRule("operator", users, "Users who may run, resume, stop and undo batches."),
            KeyRule("approver", users, "Users who may approve and reject plans."),
            KeyRule("support", users, "Users who may look at a tenant on its behalf, for a short time."),
            KeyRule("admin", users, required: true, "Users who may do everything."),
        ])

    private static let keep = KeyTable(
        "keep",
        [
            KeyRule(
                "bak", .record(keepBak),
                "`.bak` files of restore points (`{last: 5, daily: 7, weekly: 4, monthly: 12}`)."),
            KeyRule("undo", .text(.duration), "How long undo logs stay; older batches are undone from git (`90d`)."),
            KeyRule("reports", .text(.duration), "How long reports and logs of rollbacks stay (`400d`)."),
        ])

    private static let keepBak = KeyTable(
        "bak",
        [
            KeyRule("last", .integer(0...1_000_000), "The newest points."),
            KeyRule("daily", .integer(0...1_000_000), "The newest point of each of this many days that have one."),
            KeyRule("weekly", .integer(0...1_000_000), "The same for weeks."),
            KeyRule("monthly", .integer(0...1_000_000), "The same for months."),
        ])

    private static let log = KeyTable(
        "log",
        [
            KeyRule("level", choice(LogLevel.self), "What is written: this level and those above it (`info`)."),
            KeyRule("max_kib", .integer(1...15_360), "Size in KiB at which the next file is begun (`10240`)."),
            KeyRule("keep", .integer(0...1_000), "Older files that are kept (`5`)."),
            KeyRule(
                "json", .boolean,
                "Whether each line also goes to standard error, for programs that collect it (`false`)."),
        ])

    private static let database = KeyTable(
        "a database",
        [
            KeyRule(
                "path", .text(.filled), required: true,
                "The file, from the workspace folder; holds `{tenant}` with tenancy `file`."),
            KeyRule(
                "tenancy", choice(Tenancy.self),
                "How tenants are separated: not at all, by a column, by a file each (`none`)."),
            KeyRule(
                "tenant_column", .text(.filled), "The column, with tenancy `column`; tables without it are shared."),
            KeyRule(
                "guard", choice(GuardMode.self),
                "What happens to writes that no batch made (what `guard set` set last)."
            ),
            KeyRule(
                "protected", .list(.text(.filled), mayBeEmpty: true),
                "Tables and columns (`table.column`) that only an approved batch may change."),
            KeyRule(
                "classes", .entries(.filled, .list(.text(.filled), mayBeEmpty: true)),
                "Tables and columns by the name of their class (`ledger`, `payment`, …): a batch that changes one becomes a plan."
            ),
            KeyRule("limits", .record(JobKeys.limits), "Limits for batches of jobs that set none."),
            KeyRule(
                "snapshot", choice(JobDefinition.SnapshotPolicy.self), "Kind of `.bak` of a restore point (`auto`)."),
        ])

    private static func choice<Choice: CaseIterable & RawRepresentable<String>>(_: Choice.Type) -> ValueShape {
        .choice(Choice.allCases.map(\.rawValue))
    }
}

/// What `batchmgr.yaml` may hold, for the documentation.
public enum ConfigurationKeys {
    /// Every key by its path, with its meaning.
    public static var keys: [(path: String, meaning: String)] { WorkspaceKeys.table.documentation }
}
