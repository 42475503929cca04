import BatchCore
import TestSupport
import Testing

/// Documents that nobody can be sure of wait for a person; corrected words are found, and can be taken back.
@Suite struct ReviewTests {
    private func with(_ body: (DocumentScene) throws -> Void) throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "strict: {review_below: 1.0}\n")
            try scene.write(
                "catalog/review.yaml", "french: {to: fabienne, language: fra}\nscans: {to: anna, file: \"P-?.*\"}\n")
            try scene.pictures("p", ["Invoice number 4711|The quick brown fox"])
            let job = try scene.json("ocr add p-1.png --wait --profile strict")["jobs"]?.array?.first
            #expect(job?["state"]?.string == "REVIEW" && job?["final_pdf"]?.string == nil)
            try body(scene)
        }
    }

    private func word(_ text: String, _ scene: DocumentScene) throws -> Int64 {
        let words = try scene.json("ocr review show p-1.png --all")["words"]?.array ?? []
        return try #require(words.first { $0["text"]?.string == text }?["number"]?.integer)
    }

    @Test func whatNobodyCanBeSureOfWaitsForAPersonAndIsThenPublished() throws {
        try with { scene in
            #expect(try scene.shell("ls data/out") == "")
            let reviews = try scene.json("ocr review list --to anna")["reviews"]?.array ?? []
            #expect(
                reviews.count == 1 && reviews.first?["reason"]?.string?.hasPrefix("page 1 has a confidence of ") == true
            )
            #expect(try scene.json("ocr review list --to fabienne")["reviews"]?.array?.isEmpty == true)
            #expect(try scene.tool("ocr review list").contains("anna"))
            // The words are searchable already.
            #expect(try scene.json("ocr search quick")["hits"]?.array?.count == 1)

            try scene.tool("ocr review correct --key p-1.png --word \(try word("quick", scene))=slow")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "REVIEW")
            try scene.tool("ocr review accept p-1.png")
            #expect(try scene.sql("SELECT state, final_pdf FROM ocr_documents") == "DONE|p-1.pdf")
            #expect(try scene.shell("pdftotext data/out/p-1.pdf -").contains("slow brown fox"))
            #expect(try scene.shell("find data -name p-1.png").contains("data/archive/"))
            try scene.tool("ocr review accept p-1.png", code: 2)

            // Undone, it waits again; accepted once more, it has its PDF again.
            try scene.tool("rollback ocr_review.2")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "REVIEW")
            #expect(try scene.shell("ls data/out") == "")
            try scene.tool("ocr review accept p-1.png")
            #expect(try scene.shell("pdftotext data/out/p-1.pdf -").contains("slow brown fox"))
            try scene.tool("verify")
        }
    }

    /// Something that is surely below what is asked for, and something that is surely not.
    @Test(arguments: [
        ("word", "word [0-9]+ of page 2 has a confidence of"), ("page", "page 2 has a confidence of"),
        ("document", "the document has a confidence of"),
    ])
    func aProfileSaysWhatHasToBeSure(of what: String, reason: String) throws {
        try DocumentScene.with { scene in
            try scene.write("batchmgr.yaml", "databases:\n  main: {path: app.db}\nplugins: {reader: ./reader}\n")
            // Pages: 95 and 75 %; the document: 85 %; the least sure word: 55 %.
            func profile(_ name: String, _ below: Double) -> String {
                "\(name): {engine: reader, review_below: \(below), review_of: \(what)}\n"
            }
            let confidences: [String: Double] = ["word": 0.55, "page": 0.75, "document": 0.85]
            let least = confidences[what] ?? 0
            try scene.write(
                "catalog/ocr_profiles.yaml", profile("holds", least + 0.02) + profile("passes", least - 0.02))
            try scene.write(
                "reader",
                """
                #!/usr/bin/env python3
                import json, sys
                for line in sys.stdin:
                    asked = json.loads(line)
                    if asked["do"] == "info":
                        print('{"version": "1"}', flush=True)
                        continue
                    wide = open(asked["image"], "rb").read(24)[16:20] > bytes([0, 0, 3, 0])
                    sure = (0.95, 0.95) if wide else (0.95, 0.55)
                    print(json.dumps({"words": [["Word", 10, 10, 50, 20, c] for c in sure]}), flush=True)
                """)
            try scene.pictures("p", ["First page", "Second page"])
            try scene.pdf("h.pdf", ["Second page"])
            try scene.shell(
                """
                chmod +x reader; pdftoppm -r 75 -gray -png h.pdf h && mv h-1.png p-2.png
                python3 -c "import zipfile; z = zipfile.ZipFile('c.cbz', 'w'); [z.write(f'p-{n}.png') for n in (1, 2)]"
                """)
            try scene.tool("ocr add c.cbz --wait --profile holds")
            let reviews = try scene.tool("ocr review list --json")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "REVIEW", "\(reviews)")
            #expect(try scene.shell("sqlite3 app.db 'SELECT reason FROM ocr_review' | grep -cE '^\(reason)'") == "1\n")
            try scene.tool("ocr add c.cbz --wait --profile passes")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents WHERE state = 'DONE'") == "1")
        }
    }

    @Test func aPageThatWaitsCanBeLookedAt() throws {
        try with { scene in
            try scene.shell(
                """
                mkfifo said; "$TOOL" serve --port 0 --workers 0 2>said & service=$!
                exec 3<said; address=
                while [ -z "$address" ] && read -r line <&3; do
                  case $line in *"answers at "*) address=${line##* } ;; esac
                done
                cat <&3 >later &
                token=$("$TOOL" token create ann --role viewer --json | sed 's/.*"token":"\\([a-z0-9_]*\\)".*/\\1/')
                key=$(sqlite3 app.db 'SELECT key FROM ocr_documents')
                curl -s -f -H "Authorization: Bearer $token" "$address/api/documents/$key/image?page=1" >page.png
                kill -TERM $service; wait $service
                """)
            let size = "import struct; print(*struct.unpack('>2I', open('page.png', 'rb').read()[16:24]))"
            #expect(try scene.shell("python3 -c \"\(size)\"") == "834 334\n")
            #expect(try scene.shell("find data/work -name 'view-*'") == "")
        }
    }

    @Test func correctedWordsChangeTextSearchAndThePDFOfADocumentThatIsDone() throws {
        try with { scene in
            try scene.tool("ocr review accept p-1.png")
            try scene.shell("sha256sum data/out/p-1.pdf > before")
            let number = try word("4711", scene)
            try scene.tool("ocr review correct p-1.png --word \(number)=4712 --word 999=x", code: 2)
            try scene.tool("ocr review correct --key p-1.png --word \(number)=4712")
            #expect(try scene.tool("ocr text p-1.png").contains("Invoice number 4712\n"))
            #expect(try scene.json("ocr search 4712")["hits"]?.array?.count == 1)
            #expect(try scene.json("ocr search 4711")["hits"]?.array?.isEmpty == true)
            #expect(try scene.shell("ls data/out") == "p-1.pdf\n")
            #expect(try scene.shell("pdftotext data/out/p-1.pdf -").contains("4712"))
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")

            try scene.tool("rollback ocr_review.2")
            try scene.shell("sha256sum -c --quiet before")
            #expect(try scene.json("ocr search 4711")["hits"]?.array?.count == 1)
            #expect(try scene.json("ocr search 4712")["hits"]?.array?.isEmpty == true)
            try scene.tool("verify")
        }
    }

    @Test func whatIsRejectedGoesToAnotherPersonOrToError() throws {
        try with { scene in
            try scene.tool("ocr review reject --key p-1.png --to boris")
            #expect(try scene.json("ocr review list --to boris")["reviews"]?.array?.count == 1)
            try scene.tool("ocr review reject p-1.png")
            #expect(try scene.sql("SELECT state, error FROM ocr_documents") == "ERROR_OCR|rejected")
            #expect(try scene.shell("find data -name p-1.png").contains("data/error/"))
            #expect(try scene.json("ocr review list")["reviews"]?.array?.isEmpty == true)
            try scene.tool("rollback ocr_review.2")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "REVIEW")
            #expect(try scene.shell("find data -name p-1.png").contains("data/work/"))
            try scene.tool("ocr review accept p-1.png")
            #expect(try scene.shell("ls data/out") == "p-1.pdf\n")
        }
    }

    @Test func aMistakeInTheRulesIsToldBeforeAnythingIsPublished() throws {
        try with { scene in
            try scene.write("catalog/review.yaml", "scans: {file: x}\n")
            #expect(try scene.tool("catalog validate", code: 2).contains("review.yaml"))
        }
    }

    /// Mistakes of a file are a list: what stays of the batch does not belong to its last line.
    @Test func whatStaysIsALineOfItsOwnAfterAList() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "strict: {review_below: 1.0}\n")
            try scene.write("catalog/review.yaml", "invoices: {too: anna}\n")
            try scene.pictures("p", ["Only one page"])
            let told = try scene.tool("ocr add p-1.png --profile strict --wait 2>&1", code: 2)
            let lines = told.split(separator: "\n").map { $0.drop { $0 == " " } }
            #expect(lines.contains { $0.hasSuffix("checkpoints stay") && $0.first?.isNumber == true }, "\(told)")
            try scene.write("catalog/review.yaml", "invoices: {to: anna}\n")
            try scene.tool("resume ocr_intake.1")
            let state = try scene.sql("SELECT state FROM ocr_documents")
            #expect(state == "REVIEW")
        }
    }
}
