import BatchCore
import TestSupport
import Testing

/// What goes wrong with documents is noticed by rules, mended by repairs, and told.
@Suite struct DocumentHealingTests {
    /// Names of the rules that fire now.
    private func fired(_ scene: DocumentScene, _ before: String = "") throws -> [String] {
        let result = try BuiltTool.shell("cd '\(scene.folder)' && \(before) \"$TOOL\" rules check --documents --json")
        #expect(result.code <= 1, "\(result.err)")
        return try JSONParser.parse(result.out)["fired"]?.array?.compactMap { $0["rule"]?.string } ?? []
    }

    /// What became of the incident of a rule.
    private func status(_ scene: DocumentScene, _ rule: String) throws -> String? {
        try scene.json("incident list --all")["incidents"]?.array?.last {
            $0["cause"]?.string?.contains(rule) == true
        }?[
            "status"]?.string
    }

    /// Two minutes later, with the times of files as they are.
    private static let later = "NO_FAKE_STAT=1 faketime -f +2m"

    @Test func aDocumentOnWhichNobodyWorksGoesOn() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("BATCHMGR_KILL_AT=page-begun \"$TOOL\" ocr add p-1.png --wait", code: 137)
            #expect(try fired(scene) == [])
            #expect(try fired(scene, DocumentHealingTests.later) == ["document_stale"])
            #expect(try scene.sql("SELECT state, batch FROM ocr_documents") == "DONE|repair_resume_documents.1")
            #expect(try status(scene, "document_stale") == "closed")
            #expect(try fired(scene) == [])
        }
    }

    @Test func aDamagedStateIsMended() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page", "Another page"])
            try scene.tool("ocr add p-1.png p-2.png --wait")
            #expect(try fired(scene) == [])
            // Half a file, and a state that is none.
            try scene.shell("for f in data/work/*/state.json; do head -c 20 $f > x && cat x > $f; done")
            try scene.tool(
                "run --id harm --sql \"UPDATE ocr_documents SET state = 'SOMETHING' WHERE name = 'p-2.png'\"")
            #expect(try scene.json("ocr list")["jobs"]?.array?.count == 1)
            #expect(try scene.json("heal scan repair_resume_documents")["findings"]?.array?.count == 2)
            #expect(try fired(scene) == ["document_damaged"])
            #expect(try scene.sql("SELECT group_concat(state) FROM ocr_documents") == "DONE,DONE")
            try scene.shell("for f in data/work/*/state.json; do python3 -m json.tool $f > x; done")
            #expect(try status(scene, "document_damaged") == "closed")
            // A page that is gone is taken out of the input again.
            try scene.pictures("q", ["First page", "Second page"])
            try scene.shell(
                "python3 -c \"import zipfile; z = zipfile.ZipFile('c.cbz', 'w'); [z.write('q-%d.png' % n) for n in (1, 2)]; z.close()\""
            )
            try scene.shell("OCR_CONCURRENCY=1 BATCHMGR_KILL_AT=page-done \"$TOOL\" ocr add c.cbz --wait", code: 137)
            try scene.shell("rm -r data/work/*/pages")
            #expect(try fired(scene, DocumentHealingTests.later).contains("document_stale"))
            #expect(try scene.tool("ocr text c.cbz --page 2") == "Second page\n")
        }
    }

    @Test func afterTheThirdInvalidPDFOnesOwnIsLeftToAPerson() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page", "Another page"])
            let small = "MIN_PDF_SIZE_BYTES=900000000"
            try scene.shell("\(small) \"$TOOL\" ocr add p-1.png p-2.png --wait", code: 1)
            #expect(try scene.sql("SELECT DISTINCT error FROM ocr_documents") == "pdf_invalid")
            #expect(try fired(scene, small) == ["pdf_invalid"])
            for _ in 0..<2 {
                _ = try BuiltTool.shell(
                    "cd '\(scene.folder)' && \(small) \"$TOOL\" heal run repair_reprocess_ocr_batch --apply")
            }
            let tries = "SELECT count(*) FROM batchmgr_batches WHERE batch LIKE 'repair_reprocess_ocr_batch.%'"
            let count = try scene.sql(tries)
            #expect(count == "3")
            #expect(try status(scene, "freeze:repair_reprocess_ocr_batch") == "open")
            // Nothing is tried any more, until somebody has looked at it.
            #expect(try fired(scene, "\(small) \(DocumentHealingTests.later)") == ["pdf_invalid"])
            #expect(try scene.sql(tries) == count)
            try scene.tool("heal thaw repair_reprocess_ocr_batch --reason mended")
            try scene.tool("heal run repair_reprocess_ocr_batch --apply")
            #expect(try scene.sql("SELECT DISTINCT state FROM ocr_documents") == "DONE")
            #expect(try fired(scene) == [])
            #expect(try status(scene, "rule:pdf_invalid") == "closed")
        }
    }

    @Test func moreThanIsAllowedIsTold() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["First", "Second", "Third", "Fourth"])
            try scene.tool("ocr add p-*.png --wait")
            func run(_ count: Int) throws {
                _ = try scene.sql(
                    """
                    UPDATE ocr_documents SET state = 'OCR_RUNNING'
                    WHERE key IN (SELECT key FROM ocr_documents ORDER BY key LIMIT \(count))
                    """)
            }
            try run(3)
            #expect(try !fired(scene).contains("too_many_running"))
            try run(4)
            #expect(try fired(scene).contains("too_many_running"))
            let allowed = try fired(scene, "MAX_JOBS_IN_FLIGHT=4 \(DocumentHealingTests.later)")
            #expect(!allowed.contains("too_many_running"))
        }
    }

    @Test func whatIsRejectedIsToldAndHoldsNothingUp() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("cp p-1.png big.png && head -c 1200000 /dev/zero >> big.png && echo hello > words.pdf")
            try scene.shell("MAX_INPUT_SIZE_MB=1 \"$TOOL\" ocr add big.png words.pdf p-1.png --wait", code: 1)
            #expect(
                try scene.sql("SELECT name, coalesce(error, state) FROM ocr_documents ORDER BY name")
                    == "big.png|too_large\np-1.png|DONE\nwords.pdf|unknown_type")
            #expect(try fired(scene) == ["input_rejected", "input_rejected"])
            #expect(try fired(scene) == [])
            #expect(try status(scene, "rule:input_rejected:too_large") == "open")
            // An hour without any.
            #expect(try fired(scene, "NO_FAKE_STAT=1 faketime -f +2h") == [])
            #expect(try status(scene, "rule:input_rejected:too_large") == "closed")
        }
    }

    @Test func whatTheDiskHasNoRoomForWaitsAndGoesOn() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page", "Another page"])
            try scene.tool("ocr add p-1.png --wait")
            try scene.shell("mkdir -p data/in && cp -p p-2.png data/in/ && sleep 2.1")
            let full = "DISK_FREE_FACTOR=1e15"
            let report = try JSONParser.parse(try scene.shell("\(full) \"$TOOL\" ocr discover --json"))
            #expect(report["waiting_for_disk"]?.array?.compactMap(\.string) == ["p-2.png"])
            #expect(try scene.shell("ls data/in") == "p-2.png\n")
            #expect(try scene.shell("cat data/index/waiting.json") == #"[{"name":"p-2.png","reason":"disk_short"}]"#)
            // Room was made: what is done needs no work folder.
            #expect(try scene.shell("ls data/work | grep -c __ || true") == "0\n")
            #expect(try fired(scene, full) == ["document_waits_for_disk"])
            #expect(try status(scene, "document_waits_for_disk") == "open")
            try scene.tool("ocr discover")
            #expect(try scene.sql("SELECT group_concat(state) FROM ocr_documents") == "DONE,DONE")
            #expect(try fired(scene) == [])
            #expect(try status(scene, "document_waits_for_disk") == "closed")
            // Whoever waits for an answer gets one, and so does who wishes that.
            try scene.pictures("q", ["Third page", "Fourth page"])
            try scene.shell("\(full) \"$TOOL\" ocr add q-1.png --wait", code: 1)
            try scene.shell("cp -p q-2.png data/in/ && sleep 2.1")
            try scene.shell("\(full) ON_DISK_SHORT=reject \"$TOOL\" ocr discover", code: 1)
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents WHERE error = 'disk_short'") == "2")
            try scene.shell("ON_DISK_SHORT=never \"$TOOL\" ocr discover", code: 2)
            try scene.tool("ocr retry --reason disk_short")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents WHERE state = 'DONE'") == "4")
        }
    }

    @Test func afterFailuresOfTheEngineHalfAsManyPagesAreReadAtOnce() throws {
        try DocumentScene.with { scene in
            // Noise: the engine looks for letters everywhere.
            try scene.shell(
                "python3 -c \"import random; random.seed(1); open('n.pgm', 'wb').write(b'P5 3000 3000 255 ' + random.randbytes(9000000))\""
            )
            func atOnce(_ before: String = "") throws -> Int64? {
                try JSONParser.parse(try scene.shell("OCR_CONCURRENCY=6 \(before) \"$TOOL\" ocr info --json"))[
                    "pages_at_once"]?.integer
            }
            #expect(try atOnce() == 6)
            try scene.shell("JOB_TIMEOUT_SECONDS=1 MAX_ATTEMPTS_PREP=100 \"$TOOL\" ocr add n.pgm --wait", code: 1)
            #expect(try scene.sql("SELECT error, attempts_ocr FROM ocr_documents") == "timeout|3")
            #expect(try atOnce() == 3)
            #expect(try fired(scene) == ["engine_errors"])
            #expect(try atOnce("faketime -f +29m") == 3)
            #expect(try atOnce("faketime -f +31m") == 6)
            #expect(try fired(scene, "NO_FAKE_STAT=1 faketime -f +31m") == [])
            #expect(try status(scene, "engine_errors") == "closed")
        }
    }

    @Test func aDocumentThatEndsTheEngineTwiceGoesAlone() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell(
                """
                python3 -c "import random; random.seed(1); open('n.pgm', 'wb').write(b'P5 3000 3000 255 ' + random.randbytes(9000000))"
                OCR_CONCURRENCY=1 "$TOOL" ocr add n.pgm p-1.png --wait > said 2>&1 & tool=$!
                for times in 1 2; do
                  until [ "$(sqlite3 app.db "SELECT attempts FROM ocr_pages JOIN ocr_documents ON key = document
                      WHERE name = 'n.pgm'" 2>/dev/null)" = $times ]; do :; done
                  for child in $(pgrep -P $tool); do grep -q ocr-worker /proc/$child/cmdline && kill -9 $child; done
                done
                wait $tool; true
                """)
            #expect(
                try scene.sql("SELECT name, coalesce(error, state) FROM ocr_documents ORDER BY name")
                    == "n.pgm|crashed\np-1.png|DONE")
            #expect(try scene.sql("SELECT max(attempts) FROM ocr_pages") == "2")
            #expect(try scene.shell("find data -name n.pgm").contains("data/error/"))
        }
    }

    // MARK: Cleaning

    @Test func cleaningTakesWhatIsOldAndNothingElse() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "default: {}\nsure: {review_below: 1.0}\n")
            try scene.pictures("p", ["Done page", "Review page", "Running page"])
            try scene.shell("echo hello > words.pdf")
            try scene.shell("\"$TOOL\" ocr add p-1.png words.pdf --wait", code: 1)
            try scene.tool("ocr add p-2.png --wait --profile sure")
            try scene.shell("BATCHMGR_KILL_AT=page-begun \"$TOOL\" ocr add p-3.png --wait", code: 137)
            try scene.shell("mkdir -p data/work/gone/pages data/work/_staging/x && echo x > data/work/gone/pages/1")
            #expect(try scene.json("ocr clean")["documents"]?.integer == 0)
            #expect(try scene.json("ocr clean --days 0")["documents"]?.integer == 2)
            #expect(try scene.shell("ls data/work | wc -l").contains("3"))
            let homes = try scene.shell("find data -name 'p-?.png' -o -name words.pdf | sort | cut -d/ -f2")
            #expect(homes == "archive\nerror\nwork\nwork\n")
            #expect(try scene.json("ocr clean --days 0")["documents"]?.integer == 0)
            try scene.tool("ocr discover")
            try scene.tool("ocr review accept p-2.png")
            #expect(try scene.shell("ls data/out") == "p-1.pdf\np-2.pdf\np-3.pdf\n")
        }
    }

    @Test func aServiceTakesInWhatIsDroppedAndCleans() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Dropped page"])
            try scene.shell("mkdir -p data/in data/work/gone/pages && touch -d 2020-01-01 data/work/gone")
            try scene.shell(
                """
                "$TOOL" serve --port 0 --workers 1 > said 2>&1 & service=$!
                for i in $(seq 600); do [ ! -e data/work/gone ] && break; sleep 0.1; done
                [ ! -e data/work/gone ] && cp p-1.png data/in/
                for i in $(seq 600); do [ -e data/out/p-1.pdf ] && [ -z "$(ls data/in)" ] && break; sleep 0.1; done
                kill -TERM $service; wait $service
                test -e data/out/p-1.pdf || { cat said; ls -R data; "$TOOL" queue list; exit 1; }
                """)
            #expect(try scene.sql("SELECT name, state FROM ocr_documents") == "p-1.png|DONE")
            #expect(
                try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE batch = 'repair_clean_documents.1'") == "1")
        }
    }
}
