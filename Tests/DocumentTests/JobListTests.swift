import BatchCore
import TestSupport
import Testing

/// Documents as the jobs that operators of such pipelines know.
@Suite struct JobListTests {
    /// Ends with the service; `U` is its address.
    private func served(_ scene: DocumentScene, _ lines: String) throws -> String {
        try scene.shell(
            """
            mkfifo said; "$TOOL" serve --port 0 --workers 0 2>said & service=$!
            exec 3<said; U=
            while [ -z "$U" ] && read -r line <&3; do case $line in *"answers at "*) U=${line##* } ;; esac; done
            cat <&3 >later &
            \(lines)
            kill -TERM $service; wait $service; rm said
            """)
    }

    @Test func documentsStandBeforeTheJobsOfTheQueue() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page", "Another page"])
            try scene.shell("echo hello > words.pdf")
            try scene.shell("\"$TOOL\" ocr add p-1.png p-2.png words.pdf --wait", code: 1)
            try scene.tool("queue add repair_clean_documents")
            let texts = try served(
                scene,
                """
                key=$(sqlite3 app.db "SELECT key FROM ocr_documents WHERE name = 'p-2.png'")
                for call in "" "?state=DONE" "?state=queued" "?state=ERROR_PREP" "?limit=2" "?limit=10&after=$key" "?after=1" \
                    "/$key" /1; do curl -s "$U/jobs$call"; echo; done
                curl -s $U/metrics.json; echo; curl -s $U/metrics >page
                for call in "?state=never" /nobody; do curl -s -o body -w '%{http_code} ' "$U/jobs$call"; done; echo
                """
            ).split(separator: "\n").map(String.init)
            let answers = try texts.prefix(10).map { try JSONParser.parse($0) }
            func names(_ index: Int) -> [String] {
                (answers[index].array ?? []).map { $0["inputName"]?.string ?? $0["jobKey"]?.string ?? "" }
            }
            #expect(Set(names(0).dropLast()) == ["p-1.png", "p-2.png", "words.pdf"] && names(0).last == "1")
            #expect(Set(names(1)) == ["p-1.png", "p-2.png"])
            #expect(names(2) == ["1"])
            #expect(names(3) == ["words.pdf"])
            #expect(names(4) == Array(names(0).prefix(2)))
            let place = try #require(names(0).firstIndex(of: "p-2.png"))
            #expect(names(5) == Array(names(0).dropFirst(place + 1)))
            #expect(names(6) == [])
            let one = answers[7]
            #expect(one["state"]?.string == "DONE" && one["outPdf"]?.string == "p-2.pdf")
            #expect(one["profile"]?["languages"]?.array?.isEmpty == false && one["fileHash"]?.string?.count == 64)
            #expect(answers[8]["jobKey"]?.string == "1")
            let counts = answers[9]
            #expect(counts["done"]?.integer == 2 && counts["error"]?.integer == 1 && counts["queued"]?.integer == 1)
            #expect(counts["input_rejected_signature"]?.integer == 1 && counts["disk_error"]?.integer == 0)
            #expect(texts[10] == "400 404 ")
            let lines = try scene.shell("grep '^batchmgr_documents' page | grep -v ' 0$'")
            #expect(
                lines == """
                    batchmgr_documents{state="DONE"} 2
                    batchmgr_documents{state="ERROR_PREP"} 1
                    batchmgr_documents_failed{fault="unknown_type"} 1

                    """)
        }
    }

    /// Whoever reads `index/` does not ask who took the document in.
    @Test func theIndexShowsWhatTheQueueTookIn() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("run ocr_tables -q")
            try scene.shell("mkdir -p data/in && mv p-1.png data/in/ && sleep 2.1")
            try scene.tool("queue add ocr_intake -q")
            try scene.tool("queue work --until-empty -q")
            let index = try JSONParser.parse(try TextFile.read("\(scene.folder)/data/index/jobs.json"))
            let states = index.array?.map { $0["state"]?.string }
            #expect(states == ["DONE"])
            let sums = try JSONParser.parse(try TextFile.read("\(scene.folder)/data/index/metrics.json"))
            let done = sums["done"]?.integer
            #expect(done == 1)
        }
    }
}
