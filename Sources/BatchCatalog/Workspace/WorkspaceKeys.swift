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
            KeyRule("keep", .record(keep), "What is kept of everything that grows; the rest goes after each run."),
            KeyRule("plugins", .entries(.jobName, .text(.filled)), "Step kinds that programs add: `NAME: path`."),
            KeyRule("log", .record(log), "The structured log, see logs.md."),
            KeyRule("notify", .list(JobKeys.notification, mayBeEmpty: true), "Whom to tell when something goes wrong."),
            KeyRule("roles", .record(roles), "Who may do what; without this key everybody may do everything."),
        ])

    private static let users = ValueShape.list(.text(.filled), mayBeEmpty: true)

    private static let roles = KeyTable(
        "roles",
        [
            KeyRule("viewer", users, "Users who may look."),
            KeyRule("operator", users, "Users who may run, resume, stop and undo batches."),
            KeyRule("approver", users, "Users who may approve and reject plans."),
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
            KeyRule("daily", .integer(0...1_000_000), "The newest point of each of so many days that have one."),
            KeyRule("weekly", .integer(0...1_000_000), "The same for weeks."),
            KeyRule("monthly", .integer(0...1_000_000), "The same for months."),
        ])

    private static let log = KeyTable(
        "log",
        [
            KeyRule("level", choice(LogLevel.self), "What is written: this level and those above it (`info`)."),
            KeyRule("max_kib", .integer(1...15_360), "KiB after which the next file is begun (`10240`)."),
            KeyRule("keep", .integer(0...1_000), "Older files that are kept (`5`)."),
        ])

    private static let database = KeyTable(
        "a database",
        [
            KeyRule(
                "path", .text(.filled), required: true,
                "The file, from the workspace folder; holds `{tenant}` with tenancy `file`."),
            KeyRule(
                "tenancy", choice(Tenancy.self),
                "How tenants are told apart: by nothing, a column, a file each (`none`)."),
            KeyRule(
                "tenant_column", .text(.filled), "The column, with tenancy `column`; tables without it are shared."),
            KeyRule(
                "guard", choice(GuardMode.self), "What happens to writes that no batch made (as `guard set` said last)."
            ),
            KeyRule(
                "protected", .list(.text(.filled), mayBeEmpty: true),
                "Tables and columns (`table.column`) that only an approved batch may change."),
            KeyRule("limits", .record(JobKeys.limits), "Limits for batches of jobs that say nothing of them."),
            KeyRule("snapshot", choice(SnapshotPolicy.self), "Kind of `.bak` of a restore point (`auto`)."),
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
