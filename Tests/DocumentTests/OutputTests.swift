import BatchCore
import TestSupport
import Testing

/// What is made of a document beside its PDF, crooked pages, and other engines.
@Suite struct OutputTests {
    // MARK: Files beside the PDF

    @Test func textAndBoxesStandBesideThePDFAndGoWithIt() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "all: {output: [text, hocr, alto], languages: [eng]}\n")
            try scene.pictures("p", ["Invoice 4711|Total & <rest> 250", "Second page"])
            try scene.shell("python3 -m zipfile -c book.cbz p-1.png p-2.png")
            try scene.tool("ocr add book.cbz --profile all --wait")
            #expect(try scene.shell("ls data/out") == "book.alto.xml\nbook.hocr\nbook.pdf\nbook.txt\n")
            let text = try TextFile.read("\(scene.folder)/data/out/book.txt")
            #expect(text.contains("Invoice 4711\nTotal & <rest> 250\n\u{C}Second page\n\u{C}"), "\(text)")
            // Both are XML, and each word has its box within its page.
            let read = try scene.shell(
                """
                python3 - <<'END'
                import xml.etree.ElementTree as tree
                alto = tree.parse("data/out/book.alto.xml").getroot()
                space = "{http://www.loc.gov/standards/alto/ns-v4#}"
                for page in alto.iter(space + "Page"):
                    lines = [[word.get("CONTENT") for word in line.iter(space + "String")] for line in page.iter(space + "TextLine")]
                    inside = all(int(w.get("HPOS")) + int(w.get("WIDTH")) <= int(page.get("WIDTH")) for w in page.iter(space + "String"))
                    print(lines, inside)
                hocr = tree.parse("data/out/book.hocr").getroot()
                xhtml = "{http://www.w3.org/1999/xhtml}"
                print([(e.get("class"), e.text) for e in hocr.iter(xhtml + "span") if e.get("class") == "ocrx_word"][:2])
                print(len([e for e in hocr.iter(xhtml + "div")]), len([e for e in hocr.iter(xhtml + "span") if e.get("class") == "ocr_line"]))
                END
                """)
            #expect(
                read == """
                    [['Invoice', '4711'], ['Total', '&', '<rest>', '250']] True
                    [['Second', 'page']] True
                    [('ocrx_word', 'Invoice'), ('ocrx_word', '4711')]
                    2 3

                    """)
            // Corrected words are in all of them; the rollback brings the files before it back, the next one takes all away.
            try scene.tool("ocr review correct --key book.cbz --page 2 --word 1=Last")
            #expect(
                try scene.shell("grep -l Last data/out/* | sort")
                    == "data/out/book.alto.xml\ndata/out/book.hocr\ndata/out/book.txt\n")
            try scene.tool("rollback ocr_review.1 --yes")
            #expect(try TextFile.read("\(scene.folder)/data/out/book.txt") == text)
            // Undone once more, the corrected words are back, and so is the way back from them.
            try scene.tool("rollback rollback.1 --yes")
            #expect(try scene.shell("grep -l Last data/out/* | wc -l") == "3\n")
            try scene.tool("rollback ocr_review.1 --yes")
            #expect(try TextFile.read("\(scene.folder)/data/out/book.txt") == text)
            try scene.tool("rollback ocr_intake.1 --yes")
            #expect(try scene.shell("ls data/out") == "")
            #expect(try scene.shell("ls data/hold/rolled_back/ocr_intake.1 | wc -l") == "5\n")
        }
    }

    @Test func pagesWithoutAWordAreTold() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page", ""])
            try scene.shell("mv p-2.png blank.png")
            try scene.pdf("text.pdf", ["These words have been here before", "", "These too", ""])
            try scene.pdf("back.pdf", ["These words have been here before", ""])
            let text = try scene.tool("ocr add p-1.png blank.png text.pdf back.pdf --wait")
            #expect(text.contains("blank.png: no word was found\n"), "\(text)")
            #expect(text.contains("text.pdf: no word was found on 2 of 4 pages; the first of them: page 2\n"))
            #expect(text.contains("back.pdf: no word was found on page 2\n"))
            let jobs = try scene.json("ocr list")["jobs"]?.array ?? []
            #expect(jobs.count { $0["state"]?.string == "DONE" } == 4, "\(jobs)")
            #expect(jobs.first { $0["name"]?.string == "p-1.png" }?["message"] == .null)
        }
    }

    @Test func aListWithoutDocumentsSaysWhy() throws {
        try DocumentScene.with { scene in
            let isEmpty = "no documents: add one: batchmgr ocr add FILE --wait\n"
            #expect(try scene.tool("ocr list") == isEmpty)
            #expect(try scene.tool("ocr list --state DONE") == isEmpty)
            #expect(try scene.tool("ocr discover") == "nothing to read: add a file: batchmgr ocr add FILE --wait\n")
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            let seeAll = "see all: batchmgr ocr list\n"
            #expect(try scene.tool("ocr list --state REVIEW") == "no document is in that state: \(seeAll)")
            #expect(try scene.tool("ocr retry") == "no document is to be read again: \(seeAll)")
        }
    }

    /// One file in two profiles is two documents, and each is reached by the key that is shown.
    @Test func theKeysThatAreShownAreThoseOfOneDocument() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "other: {psm: 11}\n")
            try scene.pictures("p", ["Only one page", "Another one"])
            try scene.tool("ocr add p-1.png p-2.png --wait")
            try scene.tool("ocr add p-1.png --profile other --wait")
            let lines = try scene.tool("ocr list").split(separator: "\n").map(String.init)
            let keys = lines.map { String($0.prefix { $0 != " " }) }.filter { key in
                key.utf8.count >= 12 && key.allSatisfy { $0.isHexDigit || $0 == "_" }
            }
            #expect(Set(keys).count == 3 && keys.filter { $0.contains("__") }.count == 2, "\(keys)")
            let shown = try keys.map { try scene.json("ocr show \($0)")["jobs"]?.array?.first?["job_key"]?.string }
            #expect(Set(shown).count == 3, "\(shown)")
            let file = keys.first { $0.contains("__") }?.prefix(12) ?? ""
            #expect(try scene.shell("\"$TOOL\" ocr show \(file) 2>&1", code: 2).contains("is the name of 2 documents"))
        }
    }

    @Test func aFileOfSomebodyElseIsNotOverwritten() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "all: {output: [text]}\n")
            try scene.pictures("p", ["Only one page"])
            try scene.shell("mkdir -p data/out && echo mine > data/out/p-1.txt")
            try scene.tool("ocr add p-1.png --profile all --wait")
            #expect(try TextFile.read("\(scene.folder)/data/out/p-1.txt") == "mine\n")
            #expect(try scene.shell("cat data/out/p-1__job-*.txt").hasPrefix("Only one page"))
            try scene.tool("ocr purge --key p-1.png")
            #expect(try scene.shell("ls data/out") == "p-1.txt\n")
        }
    }

    @Test func aPDFForArchivesKeepsItsText() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "keep: {output: [pdfa]}\n")
            try scene.pictures("p", ["Invoice 4711"])
            try scene.tool("ocr add p-1.png --profile keep --wait")
            let marks = try scene.shell(
                "qpdf --qdf --object-streams=disable data/out/p-1.pdf out.pdf; grep -ac -e 'pdfaid:part=.2.' -e '/S /GTS_PDFA1' out.pdf"
            )
            #expect(marks == "2\n")
            #expect(try scene.shell("pdftotext data/out/p-1.pdf - | head -1") == "Invoice 4711\n")
            #expect(try scene.shell("pdffonts data/out/p-1.pdf | awk 'NR > 2 {print $5}'") == "yes\n")
            // Without loss: its pixels are those of the input.
            #expect(try samePixels(scene, "p-1.png", as: "data/out/p-1.pdf"))
            // Without Ghostscript nothing is taken.
            try scene.write("catalog/ocr_profiles.yaml", "keep: {output: [pdfa, text]}\n")
            let told = try scene.shell("PATH=$PWD/none \"$TOOL\" ocr add p-1.png --profile keep --wait 2>&1", code: 1)
            #expect(told.contains("apt-get install ghostscript"), "\(told)")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents") == "1")
        }
    }

    // MARK: Crooked pages

    /// A page that lies 4 degrees askew: its words are found where they stand in the picture as it is.
    @Test(arguments: [("recognise", true), ("image", false)])
    func aCrookedPageIsReadStraight(deskew: String, isUntouched: Bool) throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "crooked: {deskew: \(deskew), languages: [eng]}\n")
            try scene.shell(CrookedPage.make)
            try scene.tool("ocr add crooked.png --profile crooked --wait")
            let words = try scene.sql(
                "SELECT count(*) FROM ocr_words WHERE text IN ('quick', 'brown', 'fox', 'jumps', 'lazy')")
            let count = try #require(Int(words))
            #expect(count >= 45, "\(words) of 50 words")
            // A line climbs in the picture as it came, and lies level in a straightened one.
            let slope = try scene.sql(
                """
                SELECT abs((SELECT y FROM ocr_words WHERE text = 'quick' ORDER BY number LIMIT 1)
                  - (SELECT y FROM ocr_words WHERE text = 'lazy' ORDER BY number LIMIT 1)) > 15
                """)
            #expect(slope == (isUntouched ? "1" : "0"))
            #expect(try samePixels(scene, "crooked.png", as: "data/out/crooked.pdf") == isUntouched)
        }
    }

    /// Whether the picture in the PDF has the pixels of the file.
    private func samePixels(_ scene: DocumentScene, _ file: String, as pdf: String) throws -> Bool {
        try scene.shell(
            #"""
            pdfimages -png \#(pdf) taken && python3 - taken-000.png \#(file) <<'END'
            import sys, zlib
            def pixels(path):
                data, place, packed = open(path, "rb").read(), 8, b""
                while place < len(data):
                    size, kind = int.from_bytes(data[place:place + 4], "big"), data[place + 4:place + 8]
                    if kind == b"IHDR": width, depth, colour = int.from_bytes(data[place + 8:place + 12], "big"), data[place + 16], data[place + 17]
                    if kind == b"IDAT": packed += data[place + 8:place + 8 + size]
                    place += size + 12
                raw, step = zlib.decompress(packed), {0: 1, 2: 3}[colour]
                length, rows, above = (width * step * depth + 7) // 8, [], None
                for start in range(0, len(raw), length + 1):
                    kind, row = raw[start], bytearray(raw[start + 1:start + 1 + length])
                    above = above or bytearray(length)
                    for i in range(length):
                        a, b, c = row[i - step] if i >= step else 0, above[i], above[i - step] if i >= step else 0
                        p = a + b - c
                        best = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                        row[i] = (row[i] + [0, a, b, (a + b) // 2, best][kind]) & 255
                    rows.append(bytes(row)); above = row
                return step, b"".join(rows)
            (one, first), (three, second) = pixels(sys.argv[1]), pixels(sys.argv[2])
            first = first[::3] if one == 3 and three == 1 else first
            print("same" if first == second else "other")
            END
            """#) == "same\n"
    }

    // MARK: Another engine

    private static let plugin = """
        #!/usr/bin/env python3
        import json, sys
        for line in sys.stdin:
            asked = json.loads(line)
            if asked["do"] == "info":
                answer = {"version": "2.1"}
            else:
                assert open(asked["image"], "rb").read(4) == b"\\x89PNG"
                answer = WORDS
            print(json.dumps(answer), flush=True)
        """

    /// With one place to read, a page that hangs is tried again only when the others are through.
    @Test func aDocumentThatHangsLetsOthersGoFirst() throws {
        try DocumentScene.with { scene in
            try scene.write("batchmgr.yaml", "databases:\n  main: {path: app.db}\nplugins: {reader: ./reader}\n")
            try scene.write("catalog/ocr_profiles.yaml", "other: {engine: reader}\n")
            // It is known by its size: half of that of the others.
            let answer = #"time.sleep(60) if png[18:20] < b"\x02\x00" else {"words": []}"#
            try scene.write(
                "reader",
                OutputTests.plugin.replacing("import json, sys", with: "import json, sys, time").replacing(
                    "answer = WORDS", with: #"png = open(asked["image"], "rb").read(24); answer = \#(answer)"#))
            try scene.pictures("p", ["These words do not hang", "And are read"])
            try scene.pdf("h.pdf", ["This one hangs"])
            try scene.shell("chmod +x reader; pdftoppm -r 75 -gray -png h.pdf h")
            let limits = "PREP_CONCURRENCY=1 OCR_CONCURRENCY=1 JOB_TIMEOUT_SECONDS=2 MAX_ATTEMPTS_OCR=2"
            try scene.shell("\(limits) \"$TOOL\" ocr add h-1.png p-1.png p-2.png --profile other --wait", code: 1)
            #expect(
                try scene.sql("SELECT name, state, error FROM ocr_documents ORDER BY name")
                    == "h-1.png|ERROR_OCR|timeout\np-1.png|DONE|\np-2.png|DONE|")
            let order = try scene.shell(
                "cat data/work/*/ocr.log data/error/*/ocr.log | sort | grep -o -e 'published as.*' -e 'page 1, attempt 2'"
            )
            #expect(order == "published as p-1.pdf\npublished as p-2.pdf\npage 1, attempt 2\n", "\(order)")
        }
    }

    @Test func aPluginReadsInPlaceOfTheEngine() throws {
        try DocumentScene.with { scene in
            try scene.write("batchmgr.yaml", "databases:\n  main: {path: app.db}\nplugins: {reader: ./reader}\n")
            try scene.write("catalog/ocr_profiles.yaml", "other: {engine: reader, output: [text]}\n")
            try scene.write(
                "reader",
                OutputTests.plugin.replacing(
                    "WORDS",
                    with: #"{"words": [["Hello", 10, 10, 50, 20, 0.9, "line"], ["there", 70, 10, 50, 20, 0.8]]}"#))
            try scene.shell("chmod +x reader")
            try scene.pictures("p", ["Not what it says"])
            try scene.tool("ocr add p-1.png --profile other --wait")
            #expect(try TextFile.read("\(scene.folder)/data/out/p-1.txt") == "Hello there\n\u{C}")
            #expect(try scene.shell("pdftotext data/out/p-1.pdf - | head -1") == "Hello there\n")
            let engine = try scene.sql(
                "SELECT profile ->> 'engine', length(profile ->> '$.models.program') FROM ocr_documents")
            #expect(engine == "reader 2.1|64")
        }
    }

    @Test(arguments: [
        (#"{"words": [["Hello", 10, 10, 5000, 20, 0.9]]}"#, "engine_error"),
        (#"{"error": "no paper"}"#, "engine_error"),
        ("[]", "engine_error"), ("sys.exit(3)", "crashed"), ("(print('{}'), {'words': []})[1]", "engine_error"),
    ])
    func aPluginThatFailsIsAFaultOfTheDocument(answer: String, fault: String) throws {
        try DocumentScene.with { scene in
            try scene.write("batchmgr.yaml", "databases:\n  main: {path: app.db}\nplugins: {reader: ./reader}\n")
            try scene.write("catalog/ocr_profiles.yaml", "other: {engine: reader}\n")
            try scene.write("reader", OutputTests.plugin.replacing("WORDS", with: answer))
            try scene.shell("chmod +x reader")
            try scene.pictures("p", ["Not what it says"])
            try scene.tool("ocr add p-1.png --profile other --wait", code: 1)
            #expect(try scene.sql("SELECT error FROM ocr_documents") == fault)
            if answer.contains("no paper") {
                #expect(try scene.sql("SELECT message FROM ocr_documents").hasSuffix("page 1: no paper"))
            }
            #expect(try scene.shell("ls data/error/*/p-1.png | wc -l") == "1\n")
        }
    }

    /// The second of three pages is smaller, and the engine knows it by that.
    @Test(arguments: [
        ("sys.exit(3)", "makes the engine crash", 2), ("time.sleep(60)", "took longer than allowed for a page", 3),
        (#"{"error": "no paper"}"#, "was refused by the engine: no paper", 1),
    ])
    func aPageThatCannotBeReadMayStayWithoutText(answer: String, words: String, attempts: Int) throws {
        try DocumentScene.with { scene in
            try scene.write("batchmgr.yaml", "databases:\n  main: {path: app.db}\nplugins: {reader: ./reader}\n")
            try scene.write(
                "catalog/ocr_profiles.yaml",
                "gaps: {engine: reader, partial: placeholder, output: [text, hocr]}\nwhole: {engine: reader}\n")
            let good = #"{"words": [["Hello", 10, 10, 50, 20, 0.9, "line"]]}"#
            try scene.write(
                "reader",
                OutputTests.plugin.replacing("import json, sys", with: "import json, os, sys, time").replacing(
                    "answer = WORDS",
                    with: """
                        size = open(asked["image"], "rb").read(24)[16:20]
                                answer = {"words": []}
                                if os.path.exists("\(scene.folder)/reads"):
                                    answer = \(answer) if size < bytes([0, 0, 2, 128]) else \(good)
                        """))
            try scene.pictures("p", ["First page", "Second page", "Third page"])
            try scene.pdf("h.pdf", ["Second page"])
            // A PDF of three pictures, and no text.
            try scene.shell(
                """
                chmod +x reader
                pdftoppm -r 150 -x 0 -y 0 -W 300 -H 160 -gray -png h.pdf h && mv h-1.png p-2.png
                python3 -c "import zipfile; z = zipfile.ZipFile('t.cbz', 'w'); [z.write(f'p-{n}.png') for n in (1, 2, 3)]"
                "$TOOL" ocr add t.cbz --profile whole --wait -q && mv data/out/t.pdf three.pdf && touch reads
                """)
            let job = try JSONParser.parse(
                try scene.shell(
                    "JOB_TIMEOUT_SECONDS=2 \"$TOOL\" ocr add three.pdf --profile gaps --wait --json"))["jobs"]?.array?
                .first
            let told = "1 page could not be read and has no text: page 2 \(words)"
            #expect(job?["state"]?.string == "DONE" && job?["message"]?.string == told, "\(job ?? .null)")
            #expect(try scene.sql("SELECT max(attempts) FROM ocr_pages") == "\(attempts)")
            #expect(try scene.tool("ocr text three.pdf --page 2") == "(not read: the page \(words))\n")
            #expect(try scene.shell("cat data/out/three.txt") == "Hello\n\u{C}\u{C}Hello\n\u{C}")
            // Its picture is where it was.
            try scene.shell(
                """
                pictures() { pdfimages -list "$1" | awk '{print $1, $4, $5}'; }
                pictures three.pdf > list; pictures data/out/three.pdf | cmp - list && test "$(wc -l < list)" = 5
                """)
            try scene.shell("qpdf --check data/out/three.pdf > /dev/null")
        }
    }

    @Test func anEngineThatIsNotThereIsToldBeforeAnythingIsTaken() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "other: {engine: reader}\n")
            try scene.pictures("p", ["Not what it says"])
            let told = try scene.shell("\"$TOOL\" ocr add p-1.png --profile other --wait 2>&1", code: 2)
            #expect(told.contains("plugins: {reader: PATH}"), "\(told)")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents") == "0")
            // Its copy must not be read by the next intake, with another profile.
            #expect(try scene.shell("find data -type f -name '*.png' | wc -l") == "0\n")
        }
    }
}

/// A page of ten lines, drawn four degrees askew.
private enum CrookedPage {
    static let make = #"""
        cat >page.py <<'END'
        import math
        lines = "\n".join("1 0 0 1 60 %d Tm (The quick brown fox jumps over the lazy dog) Tj" % (700 - 50 * n) for n in range(10))
        s, c = math.sin(math.radians(4)), math.cos(math.radians(4))
        text = ("%f %f %f %f 0 60 cm BT /F 20 Tf %s ET" % (c, -s, s, c, lines)).encode()
        parts = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
                 b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
                 b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text), b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
        open("crooked.pdf", "wb").write(b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, p) for n, p in enumerate(parts, 1)) + b"trailer << /Root 1 0 R >>\n")
        END
        python3 page.py && pdftoppm -r 150 -gray -png -singlefile crooked.pdf crooked 2>/dev/null && rm crooked.pdf
        """#
}
