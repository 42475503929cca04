public import BatchCore
internal import BatchLedger
internal import BatchSystem

extension ControlFile {
    /// Looks at a file that is there, and changes nothing.
    /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when a newer program has written it.
    public static func requireKnownFormat(_ path: String) throws(BatchError) {
        guard let connection = try? Connection(path: path, mode: .readOnly) else { return }
        do throws(BatchError) { _ = try Format.number(connection) } catch {
            if error.code == .corruptLedger { throw error }
        }
    }

    /// The format of `control.db`: its number stands in `user_version`, and each step below leads to the next.
    ///
    /// Version 0.1 wrote no number; its tables are those of step 1, of which it made some only when it needed them.
    enum Format {
        static let current = Int64(steps.count)

        /// Every statement of a step is true to what is there already: a step may have been begun by an older program.
        static let steps = [
            """
            CREATE TABLE IF NOT EXISTS fingerprints(database TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) STRICT;
            CREATE TABLE IF NOT EXISTS workspace(one INTEGER PRIMARY KEY CHECK(one = 1), id TEXT NOT NULL) STRICT;
            CREATE TABLE IF NOT EXISTS switches(
                name TEXT PRIMARY KEY, value TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
                set_at TEXT NOT NULL, expires_at TEXT) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS switch_history(
                seq INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL, actor TEXT NOT NULL,
                reason TEXT NOT NULL, set_at TEXT NOT NULL, expires_at TEXT, old TEXT NOT NULL) STRICT;
            CREATE TABLE IF NOT EXISTS trusted_keys(
                key TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, trusted_by TEXT NOT NULL,
                trusted_at TEXT NOT NULL, revoked_by TEXT, revoked_at TEXT) STRICT;
            CREATE TABLE IF NOT EXISTS used_requests(
                nonce TEXT PRIMARY KEY, signer TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
                at TEXT NOT NULL, outcome TEXT NOT NULL) STRICT;
            CREATE TABLE IF NOT EXISTS plans(
                number INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT NOT NULL, job TEXT NOT NULL, tenant TEXT,
                author TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, file TEXT NOT NULL,
                sha256 TEXT NOT NULL, seal TEXT NOT NULL, status TEXT NOT NULL, decided_by TEXT, typed_by TEXT,
                decided_at TEXT, approval TEXT, reason TEXT, batch TEXT) STRICT
            """,
            // Databases keep their leases themselves, and are told apart by the ids of their ledgers.
            "DROP TABLE IF EXISTS leases; DELETE FROM fingerprints",
            // Times are milliseconds since 1970.
            """
            CREATE TABLE IF NOT EXISTS queue_jobs(
                number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, job TEXT NOT NULL, tenant TEXT,
                arguments TEXT NOT NULL, priority INTEGER NOT NULL, run_at INTEGER NOT NULL, unique_key TEXT,
                sequence_key TEXT, max_attempts INTEGER NOT NULL, backoff INTEGER NOT NULL, timeout INTEGER,
                run_key TEXT NOT NULL, actor TEXT NOT NULL, created_at INTEGER NOT NULL, state TEXT NOT NULL,
                state_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
                epoch INTEGER NOT NULL DEFAULT 0, stop INTEGER NOT NULL DEFAULT 0, reason TEXT, batch TEXT, plan INTEGER,
                process INTEGER, started TEXT, boot TEXT, namespace TEXT, machine TEXT, beat_at INTEGER) STRICT;
            CREATE INDEX IF NOT EXISTS queue_ready ON queue_jobs(priority DESC, number)
                WHERE state IN ('queued', 'waiting', 'retrying');
            CREATE INDEX IF NOT EXISTS queue_states ON queue_jobs(state, number);
            CREATE UNIQUE INDEX IF NOT EXISTS queue_unique ON queue_jobs(unique_key)
                WHERE state IN ('queued', 'running', 'waiting', 'retrying') AND unique_key IS NOT NULL;
            CREATE INDEX IF NOT EXISTS queue_sequences ON queue_jobs(sequence_key, number) WHERE sequence_key IS NOT NULL;
            CREATE TABLE IF NOT EXISTS queue_attempts(
                number INTEGER NOT NULL, epoch INTEGER NOT NULL, process INTEGER NOT NULL, started_at INTEGER NOT NULL,
                ended_at INTEGER, outcome TEXT, PRIMARY KEY(number, epoch)) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS queue_pauses(
                job TEXT PRIMARY KEY, actor TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID
            """,
            // `seen_to`: every instant up to it is decided. `instant` of a firing: the one of the schedule, in UTC.
            """
            CREATE TABLE IF NOT EXISTS service(
                one INTEGER PRIMARY KEY CHECK(one = 1), epoch INTEGER NOT NULL, process INTEGER, started TEXT, boot TEXT,
                namespace TEXT, machine TEXT, taken_at INTEGER NOT NULL, beat_at INTEGER NOT NULL) STRICT;
            CREATE TABLE IF NOT EXISTS schedules(
                name TEXT PRIMARY KEY, job TEXT NOT NULL, tenant TEXT, arguments TEXT NOT NULL, definition TEXT NOT NULL,
                source TEXT NOT NULL, actor TEXT NOT NULL, changed_at INTEGER NOT NULL, seen_to INTEGER NOT NULL,
                next_at INTEGER, paused_by TEXT, paused_reason TEXT, paused_at INTEGER) STRICT, WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS schedules_due ON schedules(next_at) WHERE paused_at IS NULL;
            CREATE TABLE IF NOT EXISTS firings(
                seq INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, instant INTEGER NOT NULL,
                cause TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT, count INTEGER NOT NULL DEFAULT 1, job INTEGER,
                decided_at INTEGER NOT NULL, until INTEGER, UNIQUE(schedule, instant)) STRICT;
            CREATE INDEX IF NOT EXISTS firings_waiting ON firings(until) WHERE outcome = 'waiting';
            CREATE INDEX IF NOT EXISTS firings_latest ON firings(schedule, seq);
            ALTER TABLE queue_jobs ADD COLUMN schedule TEXT;
            ALTER TABLE queue_jobs ADD COLUMN enqueued_by TEXT;
            CREATE INDEX IF NOT EXISTS queue_schedules ON queue_jobs(schedule, number) WHERE schedule IS NOT NULL;
            CREATE INDEX IF NOT EXISTS queue_enqueued ON queue_jobs(enqueued_by) WHERE enqueued_by IS NOT NULL
            """,
            // `turn`: which job of those that are due comes first; `place`: the database that one worker at a time works on.
            """
            ALTER TABLE queue_jobs ADD COLUMN turn INTEGER;
            ALTER TABLE queue_jobs ADD COLUMN place TEXT NOT NULL DEFAULT '';
            ALTER TABLE queue_jobs ADD COLUMN removed_at INTEGER;
            ALTER TABLE queue_jobs ADD COLUMN removed_state TEXT;
            DROP INDEX IF EXISTS queue_ready;
            CREATE INDEX IF NOT EXISTS queue_by_turn ON queue_jobs(place, priority DESC, turn, number)
                WHERE state IN ('queued', 'waiting', 'retrying') AND turn IS NOT NULL;
            CREATE INDEX IF NOT EXISTS queue_by_time ON queue_jobs(run_at, number)
                WHERE state IN ('queued', 'waiting', 'retrying') AND turn IS NULL;
            CREATE INDEX IF NOT EXISTS queue_removed ON queue_jobs(removed_at) WHERE removed_at IS NOT NULL;
            CREATE TABLE IF NOT EXISTS queue_turn(one INTEGER PRIMARY KEY CHECK(one = 1), turn INTEGER NOT NULL) STRICT;
            INSERT OR IGNORE INTO queue_turn VALUES(1, 0);
            CREATE TABLE IF NOT EXISTS queue_turns(tenant TEXT PRIMARY KEY, turn INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS queue_limits(job TEXT PRIMARY KEY, most INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS schedules_seen ON schedules(seen_to)
            """,
            """
            CREATE TABLE IF NOT EXISTS access_tokens(
                name TEXT PRIMARY KEY, person TEXT NOT NULL, role TEXT NOT NULL, tenant TEXT, hash TEXT NOT NULL UNIQUE,
                created_by TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, revoked_by TEXT,
                revoked_at INTEGER) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS settings(
                name TEXT PRIMARY KEY, value TEXT NOT NULL, actor TEXT NOT NULL, set_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS queue_changes ON queue_jobs(state_at)
            """,
            // Values of a signal by the minute, in milliseconds since 1970, and by how large they are.
            """
            CREATE INDEX IF NOT EXISTS queue_unsettled ON queue_jobs(sequence_key, number)
                WHERE sequence_key IS NOT NULL AND state NOT IN ('done', 'cancelled', 'resolved');
            CREATE TABLE IF NOT EXISTS restarts(
                seq INTEGER PRIMARY KEY AUTOINCREMENT, actor TEXT NOT NULL, wished_at INTEGER NOT NULL,
                begun_at INTEGER, ended_at INTEGER, workers INTEGER NOT NULL DEFAULT 0) STRICT;
            CREATE TABLE IF NOT EXISTS signal_minutes(
                name TEXT NOT NULL, tenant TEXT NOT NULL, minute INTEGER NOT NULL, bucket INTEGER NOT NULL,
                count INTEGER NOT NULL, sum REAL NOT NULL, PRIMARY KEY(name, tenant, minute, bucket)) STRICT, WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS signals_by_minute ON signal_minutes(minute)
            """,
            // `document`: all that is known, as the tool shows it. `before`: the switch as it was; NULL when nobody had set it.
            """
            CREATE TABLE IF NOT EXISTS degraded_modules(module TEXT PRIMARY KEY, before TEXT) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS incidents(
                number INTEGER PRIMARY KEY AUTOINCREMENT, cause TEXT NOT NULL, status TEXT NOT NULL, tenant TEXT,
                opened_at TEXT NOT NULL, document TEXT NOT NULL) STRICT;
            CREATE UNIQUE INDEX IF NOT EXISTS incidents_open ON incidents(cause) WHERE status <> 'closed';
            CREATE TABLE IF NOT EXISTS circuits(name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS releases(
                name TEXT PRIMARY KEY, at TEXT NOT NULL, validated_at TEXT, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS release_files(
                release TEXT NOT NULL, path TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY(release, path)) STRICT
            """,
            // What happened so often that it is only counted.
            """
            CREATE TABLE IF NOT EXISTS counters(
                name TEXT NOT NULL, label TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY(name, label)) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE IF NOT EXISTS support_sessions(
                number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, person TEXT NOT NULL, reason TEXT NOT NULL,
                writes INTEGER NOT NULL, opened_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, approved_by TEXT,
                ended_by TEXT, ended_at INTEGER) STRICT
            """,
            // `job` of a snooze: empty for all.
            """
            CREATE TABLE IF NOT EXISTS notices(
                number INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, target TEXT NOT NULL, event TEXT NOT NULL,
                document TEXT NOT NULL, created_at INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
                next_at INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
            CREATE INDEX IF NOT EXISTS notices_due ON notices(next_at) WHERE state = 'waiting';
            CREATE TABLE IF NOT EXISTS snoozes(job TEXT PRIMARY KEY, until INTEGER NOT NULL, actor TEXT NOT NULL) STRICT, WITHOUT ROWID
            """,
            // How many jobs there are: counting a million of them takes too long for a page. Those that were removed do not count.
            """
            CREATE TABLE IF NOT EXISTS queue_totals(
                state TEXT NOT NULL, job TEXT NOT NULL, tenant TEXT NOT NULL, jobs INTEGER NOT NULL,
                PRIMARY KEY(state, job, tenant)) STRICT, WITHOUT ROWID;
            INSERT OR REPLACE INTO queue_totals SELECT state, job, coalesce(tenant, ''), count(*) FROM queue_jobs
                WHERE removed_at IS NULL GROUP BY 1, 2, 3;
            INSERT OR REPLACE INTO counters SELECT 'attempts', '', coalesce(sum(epoch), 0) FROM queue_jobs;
            INSERT OR REPLACE INTO counters SELECT 'crashes', '', coalesce(sum(crashes), 0) FROM queue_jobs;
            CREATE TRIGGER IF NOT EXISTS queue_job_comes AFTER INSERT ON queue_jobs WHEN new.removed_at IS NULL BEGIN
                INSERT INTO queue_totals VALUES(new.state, new.job, coalesce(new.tenant, ''), 1)
                    ON CONFLICT DO UPDATE SET jobs = jobs + 1;
            END;
            CREATE TRIGGER IF NOT EXISTS queue_job_changes AFTER UPDATE OF state, removed_at ON queue_jobs
                WHEN old.state <> new.state OR (old.removed_at IS NULL) <> (new.removed_at IS NULL) BEGIN
                UPDATE queue_totals SET jobs = jobs - 1 WHERE old.removed_at IS NULL
                    AND state = old.state AND job = old.job AND tenant = coalesce(old.tenant, '');
                INSERT INTO queue_totals SELECT new.state, new.job, coalesce(new.tenant, ''), 1
                    WHERE new.removed_at IS NULL ON CONFLICT DO UPDATE SET jobs = jobs + 1;
            END;
            CREATE TRIGGER IF NOT EXISTS queue_job_goes AFTER DELETE ON queue_jobs WHEN old.removed_at IS NULL BEGIN
                UPDATE queue_totals SET jobs = jobs - 1
                    WHERE state = old.state AND job = old.job AND tenant = coalesce(old.tenant, '');
            END;
            CREATE TRIGGER IF NOT EXISTS queue_job_begins AFTER UPDATE OF epoch ON queue_jobs WHEN new.epoch > old.epoch BEGIN
                UPDATE counters SET value = value + new.epoch - old.epoch WHERE name = 'attempts';
            END;
            CREATE TRIGGER IF NOT EXISTS queue_job_crashes AFTER UPDATE OF crashes ON queue_jobs
                WHEN new.crashes > old.crashes BEGIN
                UPDATE counters SET value = value + new.crashes - old.crashes WHERE name = 'crashes';
            END;
            CREATE INDEX IF NOT EXISTS queue_waits ON queue_jobs(max(run_at, state_at)) WHERE state IN ('queued', 'retrying');
            CREATE INDEX IF NOT EXISTS incidents_by_status ON incidents(status, number)
            """,
            // `crashed`: its worker died. `put_back`: somebody has put the job back since that happened last.
            """
            ALTER TABLE queue_attempts ADD COLUMN crashed INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE queue_jobs ADD COLUMN put_back INTEGER NOT NULL DEFAULT 0
            """,
            "ALTER TABLE restarts ADD COLUMN kind TEXT NOT NULL DEFAULT 'queue'",
            // The signals that were taken over last from each ledger: they are not taken twice.
            """
            CREATE TABLE IF NOT EXISTS signal_handovers(
                ledger TEXT PRIMARY KEY, handover TEXT NOT NULL) STRICT, WITHOUT ROWID
            """,
            // `trace`: of what queued the job, with its span behind a dash where it has one.
            "ALTER TABLE queue_jobs ADD COLUMN trace TEXT",
            // `enqueued_in`: which batch of the name in `enqueued_by`; NULL where an older program has queued the job.
            "ALTER TABLE queue_jobs ADD COLUMN enqueued_in TEXT",
            // Every job that waits behind a half-done one asks for it.
            """
            CREATE INDEX IF NOT EXISTS queue_begun ON queue_jobs(run_key)
                WHERE state IN ('waiting', 'retrying', 'failed', 'dead', 'cancelled', 'resolved') OR put_back = 1
            """,
            "CREATE TABLE IF NOT EXISTS queue_kind_limits(kind TEXT PRIMARY KEY, most INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            // Whoever may not begin is passed over as a whole.
            """
            CREATE INDEX IF NOT EXISTS queue_by_kind ON queue_jobs(place, kind, job, priority DESC, turn, number)
                WHERE state IN ('queued', 'waiting', 'retrying') AND turn IS NOT NULL
            """,
        ]

        /// - Throws: `ERR_DATA_CORRUPT_LEDGER` when a newer program has written the file, or when something in it got lost.
        static func bringUpToDate(_ connection: Connection) throws(BatchError) {
            let before = try number(connection)
            if before == current { return }
            if before > 0 { try keepCopy(connection, of: before) }
            try keepLog(connection)
            try connection.transaction { () throws(BatchError) in
                // Two processes may open it at once: the second finds the work done.
                let found = try number(connection)
                let counts = try counts(connection)
                for step in steps[Int(found)...] { try connection.execute(step) }
                for (table, count) in counts where try self.counts(connection)[table] != count {
                    throw BatchError(
                        .corruptLedger,
                        "\(connection.path) cannot be converted to format \(current): rows of \(table) would be lost",
                        hint: "nothing was changed; keep using the program that wrote it, and report this as a defect")
                }
                if found < current { try connection.execute("PRAGMA user_version = \(current)") }
            }
        }

        /// Of two processes that make the file at the same moment, SQLite refuses one at once, because each has read what
        /// the other wants to change (`sqlite3BtreeBeginTrans` calls no busy handler then): it looks again.
        private static func keepLog(_ connection: Connection) throws(BatchError) {
            for _ in 0..<500 {
                do throws(BatchError) { return try connection.execute("PRAGMA journal_mode = WAL") } catch {
                    guard error.code == .busy else { throw error }
                }
                WallClock.sleep(milliseconds: 20)
            }
            try connection.execute("PRAGMA journal_mode = WAL")
        }

        /// A copy of what an older program wrote, so that it can be gone back to.
        private static func keepCopy(_ connection: Connection, of format: Int64) throws(BatchError) {
            let copy = "\(connection.path).format\(format)"
            guard FileStatus(copy) == nil else { return }
            // SQLite writes into a file that is there and empty, and leaves its permissions as they are.
            let unfinished = try TemporaryFile(
                for: copy, permissions: FileStatus(connection.path)?.permissions ?? 0o600)
            try connection.run("VACUUM INTO ?", [.string(unfinished.file.path)])
            try unfinished.publish()
        }

        /// Rows of the tables that people would miss.
        private static func counts(_ connection: Connection) throws(BatchError) -> [String: Int64] {
            var counts: [String: Int64] = [:]
            for table in ["queue_jobs", "schedules", "plans", "switches", "trusted_keys", "incidents", "releases"] {
                let known = try connection.value(
                    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", [.string(table)])
                guard known != nil else { continue }
                counts[table] = try connection.value("SELECT count(*) FROM \(table)")?.integer
            }
            return counts
        }

        static func number(_ connection: Connection) throws(BatchError) -> Int64 {
            let number = try connection.value("PRAGMA user_version")?.integer ?? 0
            guard (0...current).contains(number) else {
                throw BatchError(
                    .corruptLedger, "\(connection.path) has format \(number), newer than this program knows",
                    hint: "install the newer batchmgr, then: batchmgr version")
            }
            return number
        }
    }
}
