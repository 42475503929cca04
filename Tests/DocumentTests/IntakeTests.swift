import BatchCore
import BatchDocuments
import TestSupport
import Testing

/// Files come in, searchable PDFs go out, and a rollback takes both back.
@Suite struct IntakeTests {
    @Test func whatWasSetWhileTheServiceRunsCounts() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("config set --set default_ocr_lang=qqq")
            let refused = try scene.shell("\"$TOOL\" ocr add p-1.png --wait 2>&1", code: 1)
            #expect(refused.contains("there is no model of Tesseract for 'qqq'"), "\(refused)")
            try scene.tool("config set --set default_ocr_lang=eng")
            // Nothing of it was kept: whoever types it again says with which profile.
            #expect(try scene.shell("find data -type f -name '*.png' | wc -l") == "0\n")
            try scene.tool("ocr add p-1.png --wait")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")
        }
    }

    @Test func aScanBecomesASearchablePDFAndIsTakenBack() throws {
        try DocumentScene.with { scene in
            try scene.pictures("scan", ["Invoice number 4711|The quick brown fox"])
            try scene.shell("mv scan-1.png scan.png && sha256sum scan.png > before")
            let report = try scene.json("ocr add scan.png --wait")
            let job = try #require(report["jobs"]?.array?.first)
            #expect(job["state"]?.string == "DONE" && job["final_pdf"]?.string == "scan.pdf")
            #expect(job["pages"]?.integer == 1)
            try scene.shell("sha256sum -c --quiet before")
            #expect(try scene.shell("pdftotext data/out/scan.pdf -").contains("quick brown fox"))
            try scene.shell("qpdf --check data/out/scan.pdf")
            // The picture is the one that came in.
            #expect(
                try scene.shell(
                    """
                    python3 - <<'PY'
                    import zlib
                    png, pdf = open('scan.png', 'rb').read(), open('data/out/scan.pdf', 'rb').read()
                    place, data = 8, b''
                    while place < len(png):
                        size = int.from_bytes(png[place:place + 4], 'big')
                        if png[place + 4:place + 8] == b'IDAT': data += png[place + 8:place + 8 + size]
                        place += size + 12
                    print(data in pdf)
                    PY
                    """) == "True\n")
            let hits = try scene.json("ocr search 'QUICK fox'")["hits"]?.array ?? []
            #expect(hits.count == 1 && hits.first?["page"]?.integer == 1)
            #expect(hits.first?["snippet"]?.string?.contains("[quick]") == true)
            let boxes = hits.first?["boxes"]?.array ?? []
            #expect(boxes.count == 2 && boxes.allSatisfy { $0.array?.count == 4 }, "\(boxes)")
            #expect(try scene.tool("ocr text --key scan.png --page 1").contains("4711"))
            #expect(try scene.sql("SELECT min(confidence) > 0.5 AND min(width) > 5 FROM ocr_words") == "1")

            try scene.tool("rollback --id ocr_intake.1")
            #expect(
                try scene.sql("SELECT count(*) FROM ocr_documents UNION ALL SELECT count(*) FROM ocr_text") == "0\n0")
            #expect(try scene.shell("ls data/out") == "")
            #expect(try scene.shell("ls data/hold/rolled_back/ocr_intake.1") == "scan.pdf\nscan.png\n")
            #expect(try scene.json("ocr search quick")["hits"]?.array?.isEmpty == true)
            try scene.tool("verify")
        }
    }

    /// Who undoes the rollback of an intake has its files again, not its rows alone; and may take all back once more.
    @Test func theFilesOfAnIntakeComeBackWithItsRows() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Invoice number 4711", "Another page"])
            try scene.tool("ocr add p-1.png p-2.png --wait")
            let files = "cd data && sha256sum out/* archive/*/* | sort"
            let before = try scene.shell(files)
            for round in 0..<2 {
                try scene.tool("rollback ocr_intake.1 --yes")
                #expect(try scene.shell("ls data/out; ls data/hold/rolled_back/ocr_intake.1 | wc -l") == "4\n")
                // Under another name it is the same file.
                if round == 1 {
                    try scene.shell(
                        "cd data/hold/rolled_back/ocr_intake.1 && mv p-1.pdf 2-p-1.pdf && mv p-2.png 2-p-2.png")
                }
                let report = try scene.json("rollback rollback.\(2 * round + 1) --yes")
                #expect(report["warnings"]?.array?.isEmpty != false, "\(report)")
                #expect(try scene.shell(files) == before)
                #expect(try scene.shell("ls data/hold/rolled_back") == "")
            }
            #expect(try scene.json("ocr search 4711")["hits"]?.array?.count == 1)
            try scene.tool("verify")
        }
    }

    @Test func aFileThatCannotComeBackIsTold() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            try scene.tool("rollback ocr_intake.1 --yes")
            try scene.shell("rm data/hold/rolled_back/ocr_intake.1/p-1.pdf; echo other > data/out/p-1.txt")
            let told = try scene.shell("\"$TOOL\" rollback rollback.1 --yes 2>&1")
            #expect(told.contains("warning: step "), "\(told)")
            #expect(told.contains("which rollback.1 had undone: out/p-1.pdf is gone"), "\(told)")
            #expect(try scene.shell("ls data/archive/*").contains("p-1.png"))
            #expect(try scene.shell("cat backups/batch_manager/reports/*.md").contains("## NOT done again"))
        }
    }

    @Test func eachFileEndsAsAPDFOrWithTheNameOfItsFault() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Page number 1", "Page number 2", "Page number 10"])
            try scene.shell("mv p-1.png 'page 1.png'; mv p-2.png 'page 2.png'; mv p-3.png 'page 10.png'")
            try scene.pdf("text.pdf", ["These words have been here before", "And these on another page"])
            try scene.shell(
                """
                python3 - <<'PY'
                import zipfile
                with zipfile.ZipFile('comic.cbz', 'w') as z:
                    for name in ('page 10.png', 'page 2.png', 'page 1.png'): z.write(name, 'ch/' + name)
                    z.writestr('__MACOSX/ch/._page 1.png', b'x'); z.writestr('../../evil.txt', b'x')
                with zipfile.ZipFile('empty.cbz', 'w') as z: z.writestr('readme.txt', b'nothing')
                data = open('comic.cbz', 'rb').read(); open('short.cbz', 'wb').write(data[:len(data) // 2])
                data = open('page 1.png', 'rb').read(); open('short.png', 'wb').write(data[:400])
                with zipfile.ZipFile('bomb.cbz', 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('a.png', bytes(80 << 20))
                PY
                cp 'page 1.png' really.jpg; : > nothing.png; echo hello > words.pdf
                qpdf --encrypt u o 256 -- text.pdf locked.pdf
                """)
            let files =
                "comic.cbz empty.cbz short.cbz short.png bomb.cbz really.jpg nothing.png words.pdf locked.pdf text.pdf"
            let jobs = try scene.json("ocr add \(files) --wait", code: 1)["jobs"]?.array ?? []
            let ends = Dictionary(
                jobs.map { ($0["name"]?.string ?? "", $0["error"]?.string ?? $0["state"]?.string ?? "") }
            ) { first, _ in first }
            #expect(
                ends == [
                    "comic.cbz": "DONE", "really.jpg": "DONE", "text.pdf": "DONE", "empty.cbz": "no_pages",
                    "short.cbz": "damaged", "short.png": "damaged", "bomb.cbz": "archive_bomb", "nothing.png": "empty",
                    "words.pdf": "unknown_type", "locked.pdf": "encrypted",
                ])
            let text = try scene.json("ocr text comic.cbz")["pages"]?.array ?? []
            #expect(text.compactMap { $0["text"]?.string } == ["Page number 1", "Page number 2", "Page number 10"])
            #expect(try scene.tool("ocr text text.pdf --page 2") == "And these on another page\n")
            // Nothing left its folder, and no fault lost its input.
            #expect(try scene.shell("find . -name 'evil*'") == "")
            #expect(try scene.shell("find data/error -type f ! -name state.json ! -name '*.log' | wc -l").contains("7"))
            #expect(try scene.shell("ls data/work | grep -c __ || true").contains("3"))
        }
    }

    @Test func whatIsReadIsNotReadAgainAfterTheToolWasKilled() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["First page", "Second page", "Third page"])
            try scene.shell(
                "python3 -c \"import zipfile; z = zipfile.ZipFile('c.cbz', 'w'); [z.write('p-%d.png' % n) for n in (1, 2, 3)]; z.close()\""
            )
            try scene.shell("OCR_CONCURRENCY=1 BATCHMGR_KILL_AT=page-done \"$TOOL\" ocr add c.cbz --wait", code: 137)
            #expect(try scene.sql("SELECT count(*) FROM ocr_pages WHERE state = 'done'") == "1")
            try scene.tool("ocr discover")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")
            #expect(try scene.sql("SELECT attempts FROM ocr_pages WHERE number = 1") == "1")
            #expect(try scene.shell("pdftotext data/out/c.pdf -").contains("Third page"))
        }
    }

    @Test(arguments: ["document-moved", "prep-begun", "page-begun", "pdf-linked"])
    func aKilledIntakeLosesNoFile(place: String) throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("BATCHMGR_KILL_AT=\(place) \"$TOOL\" ocr add p-1.png --wait", code: 137)
            #expect(try scene.shell("find data -name p-1.png | wc -l").contains("1"))
            try scene.tool("ocr discover")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")
            #expect(try scene.shell("ls data/out") == "p-1.pdf\n")
            #expect(try scene.shell("find data -name p-1.png").contains("data/archive/"))
            // The batch that was killed is complete: nobody has to settle it.
            #expect(try scene.tool("status").contains("half done") == false)
        }
    }

    @Test(arguments: ["begun", "document-moved"])
    func whatAKilledAddLeftIsReadByItsOwnProfile(place: String) throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "other: {psm: 11}\n")
            try scene.pictures("p", ["Only one page", "Another one"])
            try scene.tool("ocr add p-2.png --wait")
            try scene.shell("BATCHMGR_KILL_AT=\(place) \"$TOOL\" ocr add p-1.png --profile other --wait", code: 137)
            try scene.tool("ocr discover")
            let modes = "SELECT name, state, json_extract(profile, '$.psm') FROM ocr_documents ORDER BY name"
            #expect(try scene.sql(modes) == "p-1.png|DONE|11\np-2.png|DONE|3")
            #expect(try scene.shell("find data/work -type f -name '*.png' | wc -l") == "0\n")
        }
    }

    /// A PDF that has all its text is copied: what was begun of the copy is in the way of nobody.
    @Test func aPDFOfTextIsPublishedAfterAKill() throws {
        try DocumentScene.with { scene in
            try scene.pdf("text.pdf", ["These words have been here before"])
            try scene.shell("BATCHMGR_KILL_AT=pdf-linked \"$TOOL\" ocr add text.pdf --wait", code: 137)
            try scene.tool("ocr discover")
            #expect(try scene.sql("SELECT state, error FROM ocr_documents") == "DONE|")
            #expect(try scene.shell("ls data/out") == "text.pdf\n")
        }
    }

    /// Its PDF was in `out` before anybody had written that down.
    @Test func aKilledIntakeThatIsTakenBackLeavesNoPDF() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("echo of somebody else > other && mkdir -p data/out && cp other data/out/p-1.pdf")
            try scene.shell("BATCHMGR_KILL_AT=pdf-linked \"$TOOL\" ocr add p-1.png --wait", code: 137)
            #expect(try scene.shell("ls data/out | wc -l") == "2\n")
            try scene.tool("rollback ocr_intake.1 --yes")
            #expect(try scene.shell("ls data/out; cmp other data/out/p-1.pdf") == "p-1.pdf\n")
            #expect(try scene.shell("ls data/hold/rolled_back/ocr_intake.1 | wc -l") == "2\n")
        }
    }

    @Test(arguments: ["begun", "before-commit", "committed"])
    func whoIsKilledWhileTheTablesAreMadeGoesOn(place: String) throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            // No job of a catalog helps.
            try scene.shell("rm -r catalog; BATCHMGR_KILL_AT=\(place) \"$TOOL\" ocr add p-1.png --wait", code: 137)
            try scene.tool("ocr discover")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")
        }
    }

    @Test func whatStaysInTheInboxIsToldWithItsReason() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Dropped page"])
            try scene.shell(
                """
                mkdir -p data/in/folder && cp p-1.png data/in/folder/inner.png && ln -s ../../p-1.png data/in/link.png
                mkfifo data/in/pipe.png && : > data/in/nothing.png && echo what > data/in/note.xyz && cp p-1.png data/in/a.png
                python3 -c "import os; os.mkdir(b'data/in/caf\\xe9'); open(b'data/in/\\xe9', 'w').write('what')"
                sleep 2.1
                """)
            let report = try scene.json("ocr discover")
            #expect(report["jobs"]?.array?.compactMap { $0["name"]?.string } == ["a.png"])
            let expected = [
                "caf%E9": "not_a_file", "%E9": "unknown_type", "folder": "not_a_file", "link.png": "not_a_file",
                "note.xyz": "unknown_type", "nothing.png": "empty", "pipe.png": "not_a_file",
            ]
            func reasons(_ files: [JSONValue]?) -> [String: String] {
                Dictionary(
                    (files ?? []).map { ($0["name"]?.string ?? "", $0["reason"]?.string ?? "") },
                    uniquingKeysWith: { first, _ in first })
            }
            #expect(reasons(report["not_taken"]?.array) == expected)
            let waiting = try JSONParser.parse(try scene.shell("cat data/index/waiting.json"))
            #expect(reasons(waiting.array) == expected)
            #expect(try scene.tool("ocr discover").contains("stays in data/in: pipe.png is not a file"))
            #expect(try scene.shell("ls data/in | wc -l") == "7\n")
        }
    }

    /// What `lines` print, with a file system of its own at `data/in`; nil where that cannot be made here.
    private static func withAnotherDisk(_ scene: DocumentScene, _ lines: String) throws -> String? {
        let told = try scene.shell(
            """
            mkdir -p data/in
            unshare -m true 2>/dev/null || exit 0
            unshare -m sh -e <<'END' || test $? = 71
            mount -t tmpfs tmpfs data/in 2>/dev/null || exit 71
            \(lines)
            END
            """)
        return told.isEmpty ? nil : told
    }

    /// A share of another machine, say. Where that cannot be made here, there is nothing to look at.
    @Test func theInboxMayBeAnotherDiskOrReadOnly() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Dropped page", "Another page"])
            try scene.tool("run ocr_tables -q")
            let told = try Self.withAnotherDisk(
                scene,
                """
                cp p-1.png data/in/a.png && sleep 2.1
                "$TOOL" ocr discover --json
                ls data/in
                cp p-2.png data/in/b.png && sleep 2.1 && mount -o remount,ro data/in
                "$TOOL" ocr discover --json
                ls data/in
                """)
            guard let told else { return }
            let lines = told.split(separator: "\n").map(String.init)
            try #require(lines.count == 3, "\(told)")
            #expect(try JSONParser.parse(lines[0])["jobs"]?.array?.first?["state"]?.string == "DONE")
            let stays = try JSONParser.parse(lines[1])["not_taken"]?.array ?? []
            #expect(stays == [["name": "b.png", "reason": "not_movable"]] && lines[2] == "b.png")
            #expect(try scene.shell("find data/work/_staging -type f; cmp p-1.png data/archive/*/a.png") == "")
        }
    }

    @Test func whatABatchDoesNotTakeIsTold() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell(
                """
                mkdir -p data/in
                for n in $(seq 103); do cp p-1.png data/in/$n.png; done
                sleep 2.1
                """)
            let told = try scene.json("ocr discover", code: 1)
            #expect(told["waiting"]?.integer == 3, "\(told["waiting"] ?? .null)")
            #expect(try scene.shell("ls data/in | wc -l") == "3\n")
            #expect(try !scene.tool("ocr discover", code: 1).contains("read now"))
        }
    }

    /// The file is in two places for a moment, and the tool is killed there: one of them is its home afterwards.
    @Test(arguments: ["file-copied", "copied-file-removed"], [true, false])
    func aKillBetweenTwoDisksLeavesOneFile(place: String, isDroppedAgain: Bool) throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Dropped page", "Another page"])
            try scene.tool("run ocr_tables -q")
            let told = try Self.withAnotherDisk(
                scene,
                """
                cp p-1.png data/in/a.png && sleep 2.1
                BATCHMGR_KILL_AT=\(place) "$TOOL" ocr discover 2> /dev/null || test $? = 137
                if \(isDroppedAgain); then cp p-2.png data/in/a.png && sleep 2.1; fi
                "$TOOL" ocr discover -q > /dev/null
                find data/in data/work data/error data/hold data/archive -name '*.png' | sed 's,.*/\\([^/]*\\),\\1,' | sort
                """)
            guard let told else { return }
            // What is dropped under its name while both are there takes the place of the one in `in`, as for everybody.
            #expect(told == (isDroppedAgain ? "a.png\na.png\n" : "a.png\n"))
            let done = try scene.sql("SELECT count(*) FROM ocr_documents WHERE state = 'DONE'")
            #expect(done == (isDroppedAgain ? "2" : "1"))
            #expect(try scene.shell("find data/work/_staging data/hold -type f") == "")
        }
    }

    @Test func anInputThatSomebodyTookAwayIsNotCalledDamaged() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("BATCHMGR_KILL_AT=document-moved \"$TOOL\" ocr add p-1.png --wait", code: 137)
            try scene.shell("BATCHMGR_KILL_AT=prep-begun \"$TOOL\" ocr discover", code: 137)
            try scene.shell("rm data/work/*/input/p-1.png")
            let job = try scene.json("ocr discover", code: 1)["jobs"]?.array?.first
            #expect(job?["error"]?.string == "unreadable", "\(job ?? .null)")
            #expect(job?["message"]?.string == "cannot be read: its file is gone from data/work")
        }
    }

    /// Of Windows or of old archives: no text leads to such a file.
    @Test func aFileWithANameThatIsNotTextIsTaken() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Dropped page", "Another page"])
            try scene.shell(
                """
                mkdir -p data/in && cp p-2.png data/in/caf%E9.png
                python3 -c "open(b'data/in/caf\\xe9.png', 'wb').write(open('p-1.png', 'rb').read())"
                sleep 2.1
                """)
            let jobs = try scene.json("ocr discover")["jobs"]?.array ?? []
            #expect(jobs.compactMap { $0["name"]?.string }.sorted() == ["2-caf%E9.png", "caf%E9.png"])
            #expect(try scene.shell("ls data/out data/in") == "data/in:\n\ndata/out:\n2-caf%E9.pdf\ncaf%E9.pdf\n")
            #expect(try scene.tool("ocr text 2-caf%E9.png") == "Dropped page\n")
            try scene.tool("rollback ocr_intake.1 --yes")
            #expect(try scene.shell("cmp p-1.png data/hold/rolled_back/ocr_intake.1/2-caf%E9.png") == "")
        }
    }

    @Test func filesThatWaitForADecisionAreListedAndGoWithTheirBatch() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            try scene.tool("ocr add p-1.png --wait", code: 1)
            let held = try scene.json("ocr list --state DUPLICATE_PENDING")["jobs"]?.array ?? []
            #expect(held.count == 1 && held.first?["message"]?.string == "is here already, as p-1.png")
            #expect(try scene.json("ocr list")["jobs"]?.array?.count == 2)
            #expect(try scene.json("ocr list --state done")["jobs"]?.array?.count == 1)
            let told = try scene.shell("\"$TOOL\" ocr list --state DUNE 2>&1", code: 2)
            #expect(told.contains("'DUNE' is not a state of documents; did you mean 'DONE'?"), "\(told)")

            let files = "find data/hold data/archive -type f ! -name '*.json'"
            let before = try scene.shell(files)
            try scene.tool("rollback ocr_intake.2 --yes")
            #expect(try scene.json("ocr list")["jobs"]?.array?.count == 1)
            #expect(try scene.shell("ls data/hold/rolled_back/ocr_intake.2; ls data/hold/duplicates") == "p-1.png\n")
            try scene.tool("rollback rollback.1 --yes")
            #expect(try scene.shell(files) == before)
        }
    }

    /// Operators know the faults by the names of their figures.
    @Test func failedDocumentsAreReadAgainByStateAndReason() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("echo nothing > words.txt")
            try scene.shell("MIN_PDF_SIZE_BYTES=1000000 \"$TOOL\" ocr add p-1.png words.txt --wait", code: 1)
            let told = try scene.sql("SELECT message FROM ocr_documents WHERE error = 'pdf_invalid'")
            #expect(told.contains("and min_pdf_size_bytes is 1000000"), "\(told)")
            #expect(try scene.json("ocr list --state ERROR")["jobs"]?.array?.count == 2)
            try scene.tool("ocr retry --state ERROR --reason disk_error")
            try scene.tool("ocr retry --state ERROR_PREP --reason pdf_invalid")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents WHERE state = 'DONE'") == "0")
            try scene.tool("ocr retry --state ERROR_OCR")
            #expect(
                try scene.sql("SELECT state, error FROM ocr_documents ORDER BY name")
                    == "DONE|\nERROR_PREP|unknown_type")
            try scene.tool("ocr retry --reason input_rejected_signature", code: 1)
        }
    }

    @Test func theInboxIsReadAndWhatIsNotReadyWaits() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Dropped page"])
            try scene.shell(
                """
                mkdir -p data/in && cp p-1.png data/in/a.png && cp p-1.png data/in/b.png.part && echo what > data/in/note.xyz \
                && cp p-1.png data/in/open.png && sleep 2.1
                """)
            // Somebody still writes to one of them.
            let answer = try scene.shell("exec 3>>data/in/open.png; \"$TOOL\" ocr discover --json")
            let jobs = try JSONParser.parse(answer)["jobs"]?.array ?? []
            #expect(jobs.compactMap { $0["name"]?.string } == ["a.png"])
            #expect(try scene.shell("ls data/in") == "b.png.part\nnote.xyz\nopen.png\n")
            // The same again, under another name.
            let again = try scene.json("ocr add p-1.png --wait", code: 1)["jobs"]?.array?.first
            #expect(again?["state"]?.string == "DUPLICATE_PENDING" && again?["error"]?.string == "duplicate")
            #expect(try scene.shell("ls data/hold/duplicates/*") == "p-1.png\n")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents") == "1")
            // Read again, it is another document with a PDF of its own.
            try scene.tool("ocr decide a.png --action reprocess")
            #expect(try scene.sql("SELECT group_concat(state) FROM ocr_documents") == "DONE,DONE")
            #expect(try scene.shell("find data/hold -type f") == "")
        }
    }

    @Test func aPageThatTakesTooLongIsAFaultAndIsReadAgainWhenSomebodyAsks() throws {
        try DocumentScene.with { scene in
            // Noise: the engine looks for letters everywhere.
            try scene.shell(
                "python3 -c \"import random; random.seed(1); open('n.pgm', 'wb').write(b'P5 3000 3000 255 ' + random.randbytes(9000000))\""
            )
            let limits = "JOB_TIMEOUT_SECONDS=1 MAX_ATTEMPTS_OCR=1 MAX_ATTEMPTS_PREP=100"
            let answer = try scene.shell("\(limits) \"$TOOL\" ocr add n.pgm --wait --json", code: 1)
            #expect(try JSONParser.parse(answer)["jobs"]?.array?.first?["error"]?.string == "timeout")
            #expect(try scene.shell("ls data/error/*").contains("n.pgm"))
            try scene.shell("\(limits) \"$TOOL\" ocr retry --reason timeout", code: 1)
            #expect(try scene.sql("SELECT error, attempts_ocr FROM ocr_documents") == "timeout|1")
            #expect(try scene.shell("find data -name n.pgm").contains("data/error/"))
            try scene.tool("rollback repair_reprocess_ocr_batch.1")
            #expect(try scene.sql("SELECT state, batch FROM ocr_documents") == "ERROR_OCR|ocr_intake.1")
        }
    }

    @Test func aProfileOfTheCatalogIsAPartOfTheKey() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Profile page"])
            try scene.write("catalog/ocr_profiles.yaml", "comic: {psm: 11, languages: [eng]}\n")
            try scene.tool("ocr add p-1.png --wait")
            try scene.tool("ocr add p-1.png --wait --profile comic")
            #expect(
                try scene.sql("SELECT count(DISTINCT file_sha256), count(DISTINCT key) FROM ocr_documents") == "1|2")
            #expect(try scene.json("ocr info")["profiles"]?.array?.compactMap(\.string) == ["default", "comic"])
            #expect(try scene.tool("ocr add p-1.png --wait --profile comics", code: 2) == "")
            try scene.write("catalog/ocr_profiles.yaml", "comic: {psn: 11}\n")
            #expect(try scene.tool("ocr add p-1.png --wait --profile comic", code: 2) == "")
        }
    }

    @Test func theJobsOfTheCatalogAreThoseOfTheTool() throws {
        #expect(try TextFile.read(TextFile.inPackage("catalog/ocr_tables.yaml")) == DocumentJobs.tables + "\n")
        #expect(try TextFile.read(TextFile.inPackage("catalog/ocr_intake.yaml")) == DocumentJobs.intake + "\n")
        #expect(try TextFile.read(TextFile.inPackage("catalog/ocr_review.yaml")) == DocumentJobs.review + "\n")
        #expect(try TextFile.read(TextFile.inPackage("catalog/ocr_remove.yaml")) == DocumentJobs.remove + "\n")
        let reprocess = try TextFile.read(TextFile.inPackage("catalog/repair_reprocess_ocr_batch.yaml"))
        #expect(reprocess == DocumentJobs.reprocess + "\n")
        #expect(
            try TextFile.read(TextFile.inPackage("catalog/repair_clean_documents.yaml")) == DocumentJobs.clean + "\n")
        #expect(
            try TextFile.read(TextFile.inPackage("catalog/repair_resume_documents.yaml")) == DocumentJobs.resume + "\n")
    }

    @Test func everyFaultIsExplained() throws {
        let page = try TextFile.read(TextFile.inPackage("docs/documents.md"))
        for fault in DocumentFault.allCases { #expect(page.contains("| `\(fault.rawValue)` | \(fault.words) |")) }
    }

    // MARK: At a time

    /// Ten documents, and how many were in which state at the same time: looked at every 10 ms from outside.
    @Test(arguments: [(1, 1, 1), (2, 2, 3), (3, 1, 2)])
    func noMoreAreWorkedOnThanIsAllowed(prep: Int, ocr: Int, flight: Int) throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", (1...10).map { "Page number \($0)" })
            try scene.tool("run ocr_tables -q")
            let told = try scene.shell(
                """
                export PREP_CONCURRENCY=\(prep) OCR_CONCURRENCY=\(ocr) MAX_JOBS_IN_FLIGHT=\(flight)
                "$TOOL" ocr add p-*.png --wait -q & work=$!
                python3 - <<'END'
                import sqlite3, time
                most = {"PREP_RUNNING": 0, "OCR_RUNNING": 0, "flight": 0}
                for _ in range(12_000):
                    try:
                        with sqlite3.connect("file:app.db?mode=ro", uri=True, timeout=1) as base:
                            now = dict(base.execute("SELECT state, count(*) FROM ocr_documents GROUP BY 1"))
                    except sqlite3.OperationalError:
                        now = {}
                    now["flight"] = sum(count for state, count in now.items() if state not in ("DISCOVERED", "DONE"))
                    most = {name: max(count, now.get(name, 0)) for name, count in most.items()}
                    if now.get("DONE") == 10: break
                    time.sleep(0.01)
                print(most["PREP_RUNNING"], most["OCR_RUNNING"], most["flight"])
                END
                wait $work
                """)
            let most = told.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
            try #require(most.count == 3, "\(told)")
            #expect(most[0] <= prep && most[1] <= ocr && most[2] <= flight && most[2] > 0, "\(most)")
            #expect(try scene.shell("ls data/out | wc -l") == "10\n")
        }
    }

    /// Workers are started while a document is taken in. When it then waits for a decision, nobody needs them.
    /// Each page takes a second; how many are read at a time is set when one is done.
    @Test(arguments: [(1, 3), (3, 1)]) func whatIsSetCountsInTheBatchThatRuns(first: Int, then: Int) throws {
        try DocumentScene.with { scene in
            try scene.write("batchmgr.yaml", "databases:\n  main: {path: app.db}\nplugins: {reader: ./reader}\n")
            try scene.write("catalog/ocr_profiles.yaml", "default: {engine: reader}\n")
            try scene.write(
                "reader",
                """
                #!/usr/bin/env python3
                import json, sys, time
                def note(what): open("\(scene.folder)/notes", "a").write(f"{time.monotonic()} {what}\\n")
                for line in sys.stdin:
                    if json.loads(line)["do"] == "info":
                        print('{"version": "1"}', flush=True)
                        continue
                    note(1)
                    time.sleep(1)
                    note(-1)
                    print('{"words": []}', flush=True)
                """)
            try scene.pictures("p", (1...20).map { "Page number \($0)" })
            let told = try scene.shell(
                """
                chmod +x reader; touch notes; "$TOOL" run ocr_tables -q
                "$TOOL" config set --set ocr_concurrency=\(first) -q
                python3 -c "import glob, zipfile; z = zipfile.ZipFile('c.cbz', 'w'); [z.write(f) for f in sorted(glob.glob('p-*'))]"
                PREP_CONCURRENCY=1 "$TOOL" ocr add c.cbz --wait -q & work=$!
                until grep -q ' -1' notes; do sleep 0.05; done
                "$TOOL" config set --set ocr_concurrency=\(then) -q
                wait $work || exit 1
                python3 - <<'END'
                at = 0
                for line in sorted(open("notes"), key=lambda line: float(line.split()[0])):
                    at += int(line.split()[1])
                    print(at)
                END
                """)
            let atOnce = told.split(separator: "\n").compactMap { Int($0) }
            try #require(atOnce.count == 40)
            #expect(atOnce[..<(2 * first)].max() == first, "\(atOnce)")
            // What follows once everybody knows.
            #expect(atOnce[24..<36].max() == then, "\(atOnce)")
        }
    }

    @Test func aServiceKeepsNoWorkerThatNobodyNeeds() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            let left = try scene.shell(
                """
                workers() { for p in /proc/[0-9]*; do
                    if grep -qz '^ocr-worker$' $p/cmdline 2>/dev/null && [ "$(readlink $p/cwd)" = "$(pwd -P)/data" ]; then echo; fi
                done | wc -l; }
                "$TOOL" run ocr_tables -q && mkdir -p data/in
                "$TOOL" serve --no-http -q & service=$!
                cp p-1.png data/in/a.png
                for n in $(seq 300); do [ -e data/out/a.pdf ] && break; sleep 0.1; done
                cp p-1.png data/in/b.png
                for n in $(seq 300); do [ -e data/hold/duplicates/*/b.png ] && break; sleep 0.1; done
                for n in $(seq 100); do [ "$(workers)" = 0 ] && break; sleep 0.1; done
                kill -0 $service && workers; ls data/out data/hold/duplicates/*
                kill $service; wait $service
                """)
            #expect(left.hasPrefix("0\n") && left.contains("b.png") && left.contains("a.pdf"), "\(left)")
        }
    }

    // MARK: Files that were here already

    /// What a script writes beside a held file is what `ocr decide` does.
    @Test(arguments: [("DISCARD", 1), ("USE_EXISTING_RESULT", 1), ("FORCE_REPROCESS", 2)])
    func decisionsAreCarriedOutByTheNextIntake(action: String, documents: Int) throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("cp p-1.png again.png")
            try scene.tool("ocr add p-1.png --wait")
            try scene.tool("ocr add again.png --wait", code: 1)
            try scene.shell(
                "cd data/hold/duplicates/* && echo '{\"action\": \"\(action)\", \"nonce\": \"second\"}' >decision.json")
            try scene.tool("ocr discover")
            #expect(
                try scene.sql("SELECT count(*), count(DISTINCT final_pdf) FROM ocr_documents")
                    == "\(documents)|\(documents)")
            #expect(try scene.shell("ls data/hold/duplicates | wc -l") == "0\n")
            let nonces = try scene.sql("SELECT count(*) FROM ocr_documents WHERE profile ->> 'nonce' = 'second'")
            #expect(nonces == "\(documents - 1)")
        }
    }

    @Test func aDecisionThatSaysNothingIsPutAside() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("cp p-1.png again.png")
            try scene.tool("ocr add p-1.png --wait")
            try scene.tool("ocr add again.png --wait", code: 1)
            try scene.shell("cd data/hold/duplicates/* && echo '{\"action\": \"KEEP\"}' >decision.json")
            for _ in 1...2 { try scene.tool("ocr discover -q") }
            #expect(try scene.shell("ls data/hold/duplicates/*") == "again.png\ndecision.rejected.json\n")
            try scene.tool("ocr decide p-1.png --action discard")
            #expect(try scene.shell("ls data/hold/duplicates | wc -l") == "0\n")
        }
    }

    @Test(arguments: [("reuse", "1|0|0"), ("process", "2|0|0"), ("reject", "1|0|1"), ("ask", "1|1|0")])
    func aProfileDecidesForAllOfThem(policy: String, outcome: String) throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.write("catalog/ocr_profiles.yaml", "default: {duplicates: \(policy)}\n")
            try scene.tool("ocr add p-1.png --wait")
            try scene.shell("cp p-1.png again.png; \"$TOOL\" ocr add again.png --wait -q; true")
            let documents = try scene.sql("SELECT count(*) FROM ocr_documents")
            let (held, rejected) = (
                try scene.shell("ls data/hold/duplicates | wc -l | tr -d '\\n'"),
                try scene.shell("find data/error -name again.png | wc -l | tr -d '\\n'")
            )
            #expect("\(documents)|\(held)|\(rejected)" == outcome)
        }
    }

    /// The input of the first one was taken elsewhere: the second is the last copy of these bytes.
    @Test func theLastCopyIsHeldWhateverTheProfileSays() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.write("catalog/ocr_profiles.yaml", "default: {duplicates: reuse}\n")
            try scene.tool("ocr add p-1.png --wait")
            try scene.shell("mkdir elsewhere && \"$TOOL\" ocr archive move --to elsewhere -q && cp p-1.png again.png")
            try scene.tool("ocr add again.png --wait -q", code: 1)
            #expect(try scene.shell("find data/hold/duplicates -name again.png | wc -l") == "1\n")
        }
    }

    // MARK: Logs

    @Test func theWorkFolderTellsWhatHappened() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page", "Another one"])
            try scene.shell("python3 -m zipfile -c two.cbz p-1.png p-2.png; head -c 300 p-1.png >broken.png")
            try scene.tool("ocr add two.cbz broken.png --wait", code: 1)
            let logs = try scene.shell("cut -d' ' -f2- data/work/*/prep.log; cut -d' ' -f2- data/work/*/ocr.log | sort")
            #expect(
                logs == """
                    attempt 1 in ocr_intake.1
                    2 pages
                    page 1, attempt 1 in ocr_intake.1
                    page 1: 3 words
                    page 2, attempt 1 in ocr_intake.1
                    page 2: 2 words
                    published as two.pdf

                    """)
            #expect(try scene.shell("tail -1 data/error/*/prep.log").contains("failed: is damaged"))
        }
    }

    // MARK: Taken back in the middle

    @Test func whatContinuedAKilledIntakeCanBeTakenBackAndDoneAgain() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page", "Another one"])
            try scene.shell("python3 -m zipfile -c two.cbz p-1.png p-2.png")
            try scene.shell(
                "BATCHMGR_KILL_AT=page-done OCR_CONCURRENCY=1 \"$TOOL\" ocr add two.cbz --wait", code: 137)
            try scene.tool("ocr discover")
            #expect(try scene.sql("SELECT state, batch FROM ocr_documents") == "DONE|ocr_intake.1")
            try scene.tool("rollback ocr_intake.1 --yes")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents") == "0")
            try scene.tool("ocr add two.cbz --wait")
            let state = try scene.sql("SELECT state, error, (SELECT count(*) FROM ocr_words) FROM ocr_documents")
            #expect(state == "DONE||5")
        }
    }
}
