internal import BatchCore

/// The keys of a job file.
enum JobKeys {
    static func table(_ rules: CatalogRules) -> KeyTable {
        KeyTable(
            "a job",
            [
                KeyRule("id", .text(.jobName), required: true, "The job's name, unique in the catalog."),
                KeyRule("version", .text(.version), required: true, "The version of this definition (semver)."),
                KeyRule("description", .text(.any), "One line for lists."),
                KeyRule(
                    "tenant", choice(JobDefinition.TenantRule.self),
                    "Whether `--tenant` must, may or must not be given (`optional`)."
                ),
                KeyRule(
                    "database", .text(.jobName), "The database of the workspace it works on (the only one, or `main`)."),
                KeyRule("module", .text(.jobName), "The part of the application it belongs to, for switches."),
                KeyRule(
                    "uses", .list(.text(.jobName), mayBeEmpty: true),
                    "Other modules of `modules.yaml` whose tables the job may write."),
                KeyRule(
                    "shared_tables", .list(.text(.filled), mayBeEmpty: true),
                    "Tables without the tenant column that the job writes; no others may change."),
                KeyRule("limits", .record(limits), "How much a batch may change (the limits of the database)."),
                KeyRule(
                    "level", .integer(0...3), "Heal level: 2 is rehearsed on a copy first, 3 becomes a patch plan (0)."),
                KeyRule(
                    "finds", .query,
                    "Of a repair: what is wrong, as `tenant, key, reason, found, expected`; checked again afterwards."),
                KeyRule(
                    "class", .choice(RepairDefinition.classes.map(\.rawValue)), companion: "finds",
                    "Of a repair: the class of faults that it repairs (`DATA`)."),
                KeyRule(
                    "idempotent", .boolean,
                    "Whether its programs may run twice; otherwise the queue does not restart a job whose worker died in a program (`false`; of a repair `true`)."
                ),
                KeyRule(
                    "as_plan", .boolean, companion: "finds",
                    "Of a repair: it becomes a patch plan, whatever its level (`false`)."),
                KeyRule(
                    "dry_run_first", .boolean, companion: "finds",
                    "Of a repair: `heal run --apply` makes a dry run first, and continues if it succeeds (`false`)."),
                KeyRule(
                    "flag_only", .boolean, companion: "finds",
                    "Of a repair: `true`: it only reports what is wrong, and has no `steps`."),
                KeyRule("critical", .boolean, "`true`: a full `.bak` before the job runs (`false`)."),
                KeyRule(
                    "needs", .list(.text(.jobName), mayBeEmpty: true), "Jobs that must have a committed batch first."),
                KeyRule("params", .entries(.parameterName, .record(parameter)), "Parameters, bound in SQL as `:NAME`."),
                KeyRule(
                    "steps", .list(step(rules), mayBeEmpty: false), required: true, unless: "flag_only",
                    "What the job does, in this order; required, but for `flag_only`."),
                KeyRule(
                    "verify", .list(.query, mayBeEmpty: true),
                    "Queries that return one true value when all is well; checked after a run and after a rollback."),
                KeyRule("schedule", .record(schedule), "When the job runs automatically."),
                KeyRule(
                    "on_failure", choice(JobDefinition.FailureAction.self),
                    "`stop` keeps earlier checkpoints for `resume`; `rollback` undoes them (`stop`)."),
                KeyRule("timeout", .text(.duration), "How long the whole batch may take."),
                KeyRule(
                    "notify", .list(notification, mayBeEmpty: true),
                    "Whom to notify, besides those that `batchmgr.yaml` names."),
                KeyRule(
                    "snapshot", choice(JobDefinition.SnapshotPolicy.self),
                    "Kind of `.bak` of this job's batches (the database's)."),
            ])
    }

    static let limits = KeyTable(
        "a set of limits",
        [
            KeyRule("rows", .integer(0...1_000_000_000_000), "Rows that the whole batch may change."),
            KeyRule("tables", .list(.text(.filled), mayBeEmpty: true), "The only tables that may change."),
            KeyRule("time", .text(.duration), "How long the batch may work."),
            KeyRule(
                "deleted_share", .number(0...1),
                "Share of the rows of a table, 0 to 1, that may be deleted without approval."),
        ])

    static let notification = ValueShape.oneOf(
        KeyTable(
            "a notification",
            [
                KeyRule(
                    "events", .list(choice(NotificationRule.Event.self), mayBeEmpty: false),
                    "Which events to report (all)."),
                KeyRule("timeout", .text(.duration), "How long a notification may take (`10s`)."),
                KeyRule("after", .integer(1...1_000), "Only from this many failures of a job in a row on (`1`)."),
                KeyRule(
                    "quiet", .text(.dayWindow),
                    "Quiet hours: what happens in them is reported when they end, e.g. `22:00-07:00`."),
            ]),
        [
            KeyChoice(
                KeyRule("command", .arguments, "A program and its arguments; it reads JSON on its standard input.")),
            KeyChoice(
                KeyRule("url", .text(.address), "An address that gets the JSON in a POST request."),
                beside: [
                    KeyRule("secret_file", .text(.filled), "A file with the secret that the request is signed with.")
                ]),
        ], open: nil)

    private static let parameter = KeyTable(
        "a parameter",
        [
            KeyRule("type", choice(ParameterType.self), required: true, "Type of the value."),
            KeyRule("default", .scalar, "The value when none is given; `null` is NULL."),
            KeyRule("required", .boolean, "Whether it must be given (`true` without a default)."),
            KeyRule("choices", .list(.argument, mayBeEmpty: false), "The only values it may have."),
            KeyRule("description", .text(.any), "One line for people."),
        ])

    private static let schedule = KeyTable(
        "a schedule",
        [
            KeyRule("cron", .text(.cron), required: true, "Five or six cron fields, or `@daily` and the like."),
            KeyRule("timezone", .text(.timezone), "Time zone of the fields (`UTC`)."),
            KeyRule(
                "gap", choice(GapRule.self),
                "A time that the clocks skip in spring: `shift` to right after it, or `skip` it (`shift`)."),
            KeyRule(
                "fold", choice(FoldRule.self),
                "Which one is taken of a time that comes twice in autumn: `first`, `last` or `both` (`first`)."),
            KeyRule(
                "catch_up", choice(CatchUpRule.self),
                "Which missed firings are made up for: `none`, the `latest` or `all` (`latest`)."),
            KeyRule("catch_up_limit", .integer(1...10_000), "How many `catch_up: all` makes up for at most (`100`)."),
            KeyRule(
                "overlap", choice(OverlapRule.self),
                "While the job of an earlier firing is not done: `skip` the new one, `queue` it too, or `cancel` the earlier one (`skip`)."
            ),
            KeyRule(
                "jitter", .text(.duration),
                "Delays each firing by a share of this time, always the same for a schedule."),
            KeyRule(
                "window", .text(.dayWindow),
                "The only time of day when the job may begin, e.g. `22:00-06:00`; a firing outside it waits."
            ),
            KeyRule("blackout", .list(.text(.dateSpan), mayBeEmpty: true), "Dates without a firing."),
            KeyRule(
                "needs", .list(.text(.jobName), mayBeEmpty: true),
                "Schedules whose jobs must be done first; the firing waits for them."),
            KeyRule("within", .text(.duration), "How old what it needs may be, and how long it waits for it (`1d`)."),
            KeyRule("tenant", .text(.filled), "The tenant it runs for."),
            KeyRule("set", .entries(.parameterName, .scalar), "Parameters of the job."),
        ])

    private static func step(_ rules: CatalogRules) -> ValueShape {
        let added = (rules.plugins ?? []).map { name in
            KeyChoice(KeyRule(name, .anything, "Settings of the plugin."), beside: CatalogRules.tries)
        }
        let common = KeyTable(
            "a step", [KeyRule("id", .text(.jobName), required: true, "The step's name, unique in the job.")])
        return .oneOf(common, rules.kinds + added, open: rules.isPinned ? CatalogRules.tries : nil)
    }

    private static func choice<Choice: CaseIterable & RawRepresentable<String>>(_: Choice.Type) -> ValueShape {
        .choice(Choice.allCases.map(\.rawValue))
    }
}
