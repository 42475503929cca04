import BatchCore
import TestSupport
import Testing

/// `kill -9` at every place that the engine names, and at random ones: nothing that was committed is lost, nothing else
/// is there, and the next command goes on from it.
@Suite struct CrashTests {
    @Test(arguments: CrashPlot.all) func aKillAtAnyPlaceLeavesTheStateOfTheLastCheckpoint(_ plot: CrashPlot) throws {
        var place = 1
        while true {
            let survived = try BadLuckScene.with(journal: plot.journal) { scene in
                try prepare(scene, plot)
                let result = try scene.tool(plot.command, killAt: "\(place)")
                if result.code != 137 {
                    #expect(result.code == 0, "\(result.err)")
                    return true
                }
                try examine(scene, plot, "killed at place \(place)")
                return false
            }
            if survived { break }
            place += 1
        }
        #expect(place > 10, "only \(place - 1) places to be killed at")
    }

    @Test(arguments: [CrashPlot.all[0], CrashPlot.all[1], CrashPlot.all[5]])
    func aKillFromOutsideAtAnyMomentDoesTheSame(_ plot: CrashPlot) throws {
        for _ in 0..<8 {
            let microseconds = Int.random(in: 0..<250_000)
            try BadLuckScene.with(journal: plot.journal) { scene in
                try prepare(scene, plot)
                let seconds = Double(microseconds) / 1_000_000
                // In the foreground it waits for the end of the process, instead of dying with it.
                try scene.shell("timeout --foreground -s KILL \(seconds) \"$TOOL\" \"$@\"", plot.command)
                try examine(scene, plot, "killed after \(microseconds) µs")
            }
        }
    }

    @Test(
        arguments: [
            "UPDATE items SET qty = 70 WHERE id = 2", "DELETE FROM items WHERE id = 2",
            "INSERT INTO log VALUES(9, 'x')",
            "ALTER TABLE items ADD COLUMN note", "DROP TABLE items",
        ], ["batch-settled", "bak-written", "commit-written", "drift-intended", "ledger-created"])
    func driftBetweenACrashAndTheNextCommandStopsNothing(drift: String, place: String) throws {
        try BadLuckScene.with { scene in
            if place != "ledger-created" {
                try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET price = price + 1")
            }
            if place == "drift-intended" { try scene.sql("UPDATE items SET qty = 60 WHERE id = 2") }
            // What a rollback finds changed in its own tables is kept as a point, and not as a batch.
            let update =
                place == "drift-intended"
                ? ["rollback", "--id", "first"]
                : ["run", "--id", "one", "--sql", "UPDATE items SET qty = qty + 1 WHERE id < 4"]
            #expect(try scene.tool(update, killAt: place).code == 137)
            try scene.sql(drift)
            let before = try scene.dump()
            let note = "\(drift) after \(place)"
            try scene.expect(0, "list", note: note)
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_points WHERE status = 'pending'") == "0", "\(note)")
            #expect(try scene.dump() == before, "\(note)")
            // The first batch has a .bak when it changes something; after drift a later one has it in any case.
            let isFirst = place == "ledger-created"
            let next = isFirst ? "INSERT INTO log VALUES(10, 'next')" : "UPDATE log SET what = 'next'"
            try scene.expect(0, "run", "--id", "next", "--sql", next, note: note)
            try scene.expectWhole(note)
            for source in ["git", "bak"] {
                try scene.expect(
                    0, "restore", "--point", "next.1", "--source", source, "--to", "\(source).db", note: note)
                #expect(try scene.dump("\(source).db") == scene.dump(), "\(note), from \(source)")
            }
        }
    }

    // MARK: Before and after

    private func prepare(_ scene: BadLuckScene, _ plot: CrashPlot) throws {
        for (words, kill) in plot.before {
            if words == ["drift"] {
                try scene.sql("UPDATE items SET qty = 100 WHERE id = 1")
            } else {
                let result = try scene.tool(words, killAt: kill)
                try #require(result.code == (kill == nil ? 0 : 137), "\(result.err)")
            }
        }
    }

    private func examine(_ scene: BadLuckScene, _ plot: CrashPlot, _ note: String) throws {
        #expect(try scene.sql("PRAGMA integrity_check") == "ok", "\(note)")
        #expect(try scene.dump() == expected(scene, plot), "\(note)")
        // Looking completes what can be completed.
        let said = try scene.expect(0, "list", note: note).err
        if try scene.hasLedger() {
            #expect(
                try scene.sql("SELECT count(*) FROM batchmgr_points WHERE status = 'pending'") == "0",
                "\(note): \(said)")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE status = 'running'") == "0", "\(note)")
        }
        #expect(try scene.dump() == expected(scene, plot), "\(note), after list")
        try finish(scene, plot, note)
        #expect(try scene.dump() == final(scene, plot), "\(note), at the end")
        try scene.expectWhole(note)
    }

    /// Goes on as the person would who finds what the kill left.
    private func finish(_ scene: BadLuckScene, _ plot: CrashPlot, _ note: String) throws {
        switch try scene.status(plot.batch) {
        case "committed"?: break
        case nil: try scene.expect(0, plot.command, note: note)
        default: try scene.expect(0, "resume", "--id", plot.batch, note: note)
        }
        #expect(try scene.status(plot.batch) == "committed", "\(note)")
    }

    // MARK: The model: the same in plain SQL

    private func expected(_ scene: BadLuckScene, _ plot: CrashPlot) throws -> String {
        let done =
            try scene.hasLedger()
            ? Int(
                try scene.sql(
                    """
                    SELECT count(*) FROM batchmgr_checkpoints
                    WHERE batch = (SELECT seq FROM batchmgr_batches WHERE batch = '\(plot.batch)')
                    """)) ?? 0 : 0
        if plot.isRollback { return try model(scene, plot, done > 0 ? [] : ["multi", "follow"]) }
        return try model(scene, plot, earlier(plot), job(plot), done)
    }

    private func final(_ scene: BadLuckScene, _ plot: CrashPlot) throws -> String {
        plot.isRollback ? try model(scene, plot, []) : try model(scene, plot, earlier(plot) + [job(plot)])
    }

    private func job(_ plot: CrashPlot) -> String { String(plot.batch.prefix { $0 != "." }) }

    /// Jobs that had run to their end before.
    private func earlier(_ plot: CrashPlot) -> [String] { job(plot) == "follow" ? ["multi"] : [] }

    private func model(
        _ scene: BadLuckScene, _ plot: CrashPlot, _ jobs: [String], _ last: String = "", _ done: Int = 0
    ) throws -> String {
        var script = CrashPlot.schema
        for job in jobs {
            script += (CrashPlot.checkpoints[job] ?? []).joined(separator: ";") + ";"
            let hasDrift = plot.before.contains { $0.words == ["drift"] }
            if job == "multi", hasDrift { script += "UPDATE items SET qty = 100 WHERE id = 1;" }
        }
        script += (CrashPlot.checkpoints[last] ?? []).prefix(done).joined(separator: ";") + ";"
        try scene.shell("rm -f model.db")
        try scene.sql(script, in: "model.db")
        return try scene.dump("model.db")
    }
}
