import TestSupport
import Testing

/// `serve` while somebody sets the clock of the machine, with libfaketime.
@Suite struct ClockStepTests {
    private static let library: String? =
        (try? BuiltTool.shell(
            "ls /usr/lib/*/faketime/libfaketimeMT.so.1 | head -1", []))?.out.split(separator: "\n").first.map(
            String.init)

    /// A schedule of every two seconds. Each step of the clock brings times round again, and leaves others out.
    @Test(.enabled(if: library != nil, "libfaketime is not installed: scripts/install-dependencies --tests"))
    func everyInstantFiresOnceHoweverTheClockIsSet() throws {
        let job = """
            params: {scheduled_for: {type: text, required: true}}
            schedule: {cron: "*/2 * * * * *", overlap: queue}
            steps:
              - {id: a, sql: "INSERT INTO seen VALUES(:scheduled_for)"}
            """
        try BadLuckScene.with(jobs: ["often": job]) { scene in
            try scene.sql("CREATE TABLE seen(at TEXT)")
            let result = try scene.shell(
                """
                control() { sqlite3 backups/batch_manager/control.db "$1"; }
                set_clock() { echo "$1" >clock.new; mv clock.new clock; }
                set_clock +0
                LD_PRELOAD=$1 FAKETIME_TIMESTAMP_FILE=$PWD/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \\
                    "$TOOL" serve --no-http --workers 0 >said 2>&1 & S=$!
                tries=0
                until [ "$(control 'SELECT count(*) > 0 FROM firings' 2>said.sql)" = 1 ] || [ $tries = 300 ]; do tries=$((tries + 1)); sleep 0.1; done
                for step in +600 +0 -3 -3600 +598 -3602 +0; do
                    set_clock $step
                    sleep 3
                    # Whatever is decided now is decided by the clock as it is set.
                    control "SELECT abs(seen_to / 1000 - unixepoch() - ($step)) <= 10 FROM schedules"
                done
                kill $S; wait $S; echo "ended $?"
                # The tool ends without exit handlers, and libfaketime leaves these.
                rm -f /dev/shm/*faketime_s*_$S
                control "SELECT count(*) > 20, count(*) - count(DISTINCT instant), sum(instant % 2000) FROM firings WHERE job IS NOT NULL"
                control "SELECT count(*) - count(DISTINCT arguments), count(*) - (SELECT count(*) FROM firings WHERE job IS NOT NULL) FROM queue_jobs"
                # The hour before and the ten minutes to come have fired as well.
                control "SELECT count(DISTINCT round((instant / 1000 - unixepoch()) / 600.0)) FROM firings WHERE outcome = 'queued'"
                """, [try #require(ClockStepTests.library)])
            let lines = result.out.split(separator: "\n").map(String.init)
            #expect(
                lines.map { $0.hasPrefix("served") ? "served" : $0 }.filter { $0 != "served" }
                    == Array(repeating: "1", count: 7) + ["ended 0", "1|0|0", "0|0", "3"], "\(result)")
        }
    }
}
