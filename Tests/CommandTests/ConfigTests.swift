import BatchCore
import TestSupport
import Testing

/// What holds, and where it comes from.
@Suite struct ConfigTests {
    @Test func whatWasSetGoesBeforeTheEnvironmentAndTheFile() throws {
        try BadLuckScene.with { scene in
            try scene.write(
                "batchmgr.yaml",
                "databases:\n  main:\n    path: app.db\nhttp:\n  port: 18100\nnotify:\n  - {url: \"http://127.0.0.1:9/\", secret_file: k}\n"
            )
            let origins = """
                "$TOOL" config show --origin | sed 's/  */ /g' | grep -E "^(http.port|prep_concurrency|max_attempts_ocr|notify)"
                """
            #expect(
                try scene.shell(origins).out == """
                    prep_concurrency 2 default
                    http.port 18100 batchmgr.yaml:5
                    max_attempts_ocr 3 default
                    notify.0.url http://127.0.0.1:9/ batchmgr.yaml:7
                    notify.0.secret_file (hidden) batchmgr.yaml:7

                    """)
            try scene.expect(0, "config", "set", "--set", "prep_concurrency=4")
            let others = "PREP_CONCURRENCY=5 ORCHESTRATOR_HTTP_PORT=18200 MAX_ATTEMPTS_OCR=9 "
            #expect(
                try scene.shell(others + origins).out.hasPrefix(
                    """
                    prep_concurrency 4 set
                    http.port 18200 environment ORCHESTRATOR_HTTP_PORT
                    max_attempts_ocr 9 environment MAX_ATTEMPTS_OCR
                    """))
            try scene.expect(.usage, "config", "set", "--set", "prep_concurrency=99")
            try scene.expect(.usage, "config", "set", "--set", "nothing=1")
            try scene.expect(.usage, "config", "set")
            let settings = try scene.json("config", "show")["settings"]?.array ?? []
            #expect(settings.first { $0["name"] == "prep_concurrency" }?["value"] == "4")
        }
    }

    /// What the service and the pipeline refuse is told by all that show settings.
    @Test func aValueThatCannotBeMeantIsToldByAll() throws {
        try BadLuckScene.with { scene in
            let wrong = "PREP_CONCURRENCY=99 JOB_TIMEOUT_SECONDS=20 LOG_LEVEL=loud "
            let shown = try scene.shell(wrong + "\"$TOOL\" config show --origin").out
            #expect(shown.contains("prep_concurrency is not a whole number from 1 to 16\n"))
            #expect(shown.contains("log.level the variable LOG_LEVEL is not debug, info, warn, warning, error, and"))
            let document = try JSONParser.parse(try scene.shell(wrong + "\"$TOOL\" config show --json").out)
            let settings = document["settings"]?.array ?? []
            func setting(_ name: String) -> JSONValue? { settings.first { $0["name"]?.string == name } }
            #expect(setting("prep_concurrency")?["value"] == "99" && setting("prep_concurrency")?["fault"] != nil)
            #expect(setting("log.level")?["value"] == "info" && setting("log.level")?["origin"] == "default")
            #expect(setting("job_timeout_s")?["value"] == "20" && setting("job_timeout_s")?["fault"] == nil)
            let serve = "timeout 20 \"$TOOL\" serve --no-http 2>&1; echo $?"
            let refused = try scene.shell(wrong + "ON_DISK_SHORT=never " + serve).out
            #expect(
                refused.contains("ERR_UX_INVALID_CONFIGURATION: PREP_CONCURRENCY is not a whole number from 1 to 16; "))
            #expect(refused.contains("ON_DISK_SHORT is not wait, reject\n") && refused.hasSuffix("\n2\n"))
            try scene.expect(.usage, "config", "set", "--set", "job_timeout_s=20")
        }
    }

    @Test func theServiceShowsTheSameAsTheTool() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" config show --json | tr '{' '\\n' | sed -n 's/.*"name":"\\([a-z_]*\\)","value":"\\([^"]*\\)".*/\\1 \\2/p' | sort >tool
            curl -s "$U/config" | tr ',{}' '\\n' | sed -n 's/^"\\([a-z_]*\\)":"\\{0,1\\}\\([^"]*\\)"\\{0,1\\}$/\\1 \\2/p' | sort >service
            for name in prep_concurrency ocr_concurrency job_timeout_s default_ocr_lang max_jobs_in_flight keep_work_dir_days; do
                [ "$(grep "^$name " tool)" = "$(grep "^$name " service)" ] && grep -c "^$name " tool
            done
            """, before: "export JOB_TIMEOUT_SECONDS=20 PREP_CONCURRENCY=7")
        #expect(lines == Array(repeating: "1", count: 6), "\(lines)")
    }

    /// The names that operators know from other services; a value that cannot be meant counts for nothing.
    @Test func theEnvironmentSaysHowToLog() throws {
        try BadLuckScene.with(jobs: ["raise": "steps:\n  - {id: a, sql: UPDATE t SET v = 1}"]) { scene in
            try scene.sql("CREATE TABLE t(v INTEGER)")
            let told = try scene.shell(
                "LOG_JSON=true LOG_LEVEL=WARNING \"$TOOL\" run raise -q 2>&1 >/dev/null | head -1"
            ).out
            #expect(told.isEmpty)
            let lines = try scene.shell("LOG_JSON=1 LOG_LEVEL=nonsense \"$TOOL\" run raise -q 2>&1 >/dev/null").out
            #expect(!lines.isEmpty)
            for line in lines.split(separator: "\n") {
                #expect(try JSONParser.parse(String(line))["event"]?.string != nil, "\(line)")
            }
            let logs = "backups/batch_manager/logs"
            #expect(try scene.shell("grep -c batch.begin \(logs)/batchmgr.log").out == "1\n")
            try scene.shell(
                "for i in 1 2 3 4 5; do LOG_ROTATE_MAX_BYTES=1024 LOG_ROTATE_BACKUPS=2 \"$TOOL\" run raise -q; done")
            #expect(try scene.shell("ls \(logs) | grep -c 'batchmgr.log'").out == "3\n")
            let origins =
                "LOG_ROTATE_MAX_BYTES=2048 LOG_LEVEL=warn \"$TOOL\" config show --origin | grep '^log' | sed 's/  */ /g'"
            #expect(
                try scene.shell(origins).out == """
                    log.level warn environment LOG_LEVEL
                    log.json false default
                    log.max_kib 2 environment LOG_ROTATE_MAX_BYTES
                    log.keep 5 default

                    """)
        }
    }
}
