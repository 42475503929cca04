import BatchCore
import TestSupport
import Testing

/// PDFs come in: pictures are taken out of pages, text that is there stays, and what is written lies where it was read.
@Suite struct PDFTests {
    /// A PDF whose pages are pictures of the pages of another one.
    private static let scanner = #"""
        import sys
        name, rotate, hidden, extra = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
        body, kids = {1: b"<< /Type /Catalog /Pages 2 0 R >>", 3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}, []
        for picture in sys.argv[5:]:
            data, place = open(picture, "rb").read(), 2
            while data[place + 1] not in (0xC0, 0xC1, 0xC2): place += 2 + int.from_bytes(data[place + 2:place + 4], "big")
            h, w = (int.from_bytes(data[place + n:place + n + 2], "big") for n in (5, 7))
            grey = data[place + 9] == 1
            n = 4 + 3 * len(kids)
            width, height, share = w * 72 / 150, h * 72 / 150, 0.4 if extra else 1
            text = "q %g 0 0 %g 0 0 cm /I Do Q" % (width * share, height * share)
            if hidden: text += " BT 3 Tr /F 12 Tf 10 10 Td (%s) Tj ET" % hidden
            if extra: text += " BT /F 12 Tf 20 %g Td (%s) Tj ET" % (height - 20, extra)
            body[n] = b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /%s " % (
                w, h, b"DeviceGray" if grey else b"DeviceRGB")
            body[n] += b"/Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (len(data), data)
            body[n + 1] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text.encode())
            body[n + 2] = (
                "<< /Type /Page /Parent 2 0 R /Rotate %d /MediaBox [0 0 %g %g] /Contents %d 0 R /Resources << /Font << /F 3 0 R >> "
                "/XObject << /I %d 0 R >> >> >>" % (rotate, width, height, n + 1, n)).encode()
            kids.append(n + 2)
        body[2] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), " ".join("%d 0 R" % k for k in kids).encode())
        out, places = b"%PDF-1.4\n", {}
        for n in sorted(body):
            places[n] = len(out)
            out += b"%d 0 obj\n%s\nendobj\n" % (n, body[n])
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(body) + 1)
        out += b"".join(b"%010d 00000 n \n" % places[n] for n in sorted(body))
        out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(body) + 1, start)
        open(name, "wb").write(out)
        """#

    /// - Parameters:
    ///   - turn: how the picture lies in the file; the page is turned back for readers.
    ///   - hidden: text that nobody sees.
    ///   - extra: text above a picture that is smaller than the page.
    private func scan(
        _ name: String, _ pages: [String], turn: Int = 0, hidden: String = "", extra: String = "",
        _ scene: DocumentScene
    ) throws {
        try scene.pdf("plain.pdf", pages)
        try scene.write("scan.py", PDFTests.scanner)
        try scene.shell("qpdf --rotate=+\(turn) plain.pdf turned.pdf && pdftoppm -r 150 -gray -jpeg turned.pdf t")
        try scene.shell("python3 scan.py '\(name)' \((360 - turn) % 360) '\(hidden)' '\(extra)' t-*.jpg && rm t-*.jpg")
    }

    /// The picture stays as it lies; the words on it are read in their order by whoever copies them.
    @Test(arguments: [90, 180, 270]) func wordsOfAPageOnItsSideStandAsTheyAreRead(turn: Int) throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "default: {psm: 1, languages: [eng]}\n")
            let lines = [
                "The quick brown fox jumps over", "the lazy dog near the river bank", "while seven wizards quietly mix",
                "strong potions in the old tower", "and nobody in the village knows",
            ]
            try scene.pdf("text.pdf", [lines.joined(separator: "|")])
            // Of few letters nobody can say which way up they are: the page has them four times.
            try scene.shell(
                """
                qpdf --rotate=+\(turn) text.pdf lies.pdf && pdftoppm -r 200 -gray -singlefile lies.pdf once && rm lies.pdf
                python3 - <<'PY'
                kind, size, most, rows = open('once.pgm', 'rb').read().split(b'\\n', 3)
                width, height = map(int, size.split())
                open('lies.pgm', 'wb').write(b'P5\\n%d %d\\n255\\n' % (width, 4 * height) + 4 * rows)
                PY
                """)
            try scene.tool("ocr add lies.pgm --wait")
            let text = try scene.shell("pdftotext data/out/lies.pdf - | tr '\\n' ' '")
            for line in lines { #expect(text.contains(line), "\(text)") }
            #expect(try scene.sql("SELECT source ->> 'turn' FROM ocr_pages") == "\(turn)")
            try scene.shell("qpdf --check data/out/lies.pdf")
        }
    }

    @Test(arguments: [0, 90, 180, 270])
    func theOnlyPictureOfAPageIsReadAsItIsAndTheTextLiesOnIt(turn: Int) throws {
        try DocumentScene.with { scene in
            try scan("scan.pdf", ["Invoice number 4711|The quick brown fox", "Another page"], turn: turn, scene)
            try scene.tool("ocr add scan.pdf --wait")
            let pages = try scene.json("ocr text scan.pdf")["pages"]?.array ?? []
            #expect(pages.compactMap { $0["mode"]?.string } == ["picture", "picture"])
            #expect(pages.first?["text"]?.string?.contains("quick brown fox") == true)
            // Where the word was before it became a picture, and where it is now, in points.
            let place = "sed -n 's/.*xMin=\"\\([0-9]*\\).*yMin=\"\\([0-9]*\\).*>quick<.*/\\1 \\2/p'"
            let before = try scene.shell("pdftotext -bbox plain.pdf - | \(place)")
            let after = try scene.shell("pdftotext -bbox data/out/scan.pdf - | \(place)")
            let numbers = [before, after].map { $0.split { " \n".contains($0) }.compactMap { Int($0) } }
            try #require(numbers[0].count == 2 && numbers[1].count == 2)
            #expect(abs(numbers[0][0] - numbers[1][0]) < 5 && abs(numbers[0][1] - numbers[1][1]) < 10)
            // The pictures are those that came in, and little was added.
            try scene.shell("pdfimages -all scan.pdf a && pdfimages -all data/out/scan.pdf b")
            try scene.shell("cmp a-000.jpg b-000.jpg && cmp a-001.jpg b-001.jpg && qpdf --check data/out/scan.pdf")
            let size = try scene.shell("echo $(($(stat -c %s data/out/scan.pdf) - $(stat -c %s scan.pdf)))")
            #expect((Int(size.split(separator: "\n").first ?? "") ?? .max) < 1_500)
        }
    }

    @Test func textThatIsThereStaysAndPicturesBesideItAreReadAlone() throws {
        try DocumentScene.with { scene in
            try scan(
                "mixed.pdf", ["Picture words|Secret number 4711"], extra: "These words have been here before", scene)
            try scene.tool("ocr add mixed.pdf --wait")
            let page = try scene.json("ocr text mixed.pdf")["pages"]?.array?.first
            #expect(page?["mode"]?.string == "text")
            #expect(page?["text"]?.string?.contains("These words have been here before") == true)
            #expect(page?["text"]?.string?.contains("4711") == true)
            let words = try scene.shell("pdftotext data/out/mixed.pdf -").split { " \n".contains($0) }
            #expect(words.count { $0 == "before" } == 1 && words.count { $0 == "4711" } == 1)
        }
    }

    @Test func textThatNobodyCanReadIsNone() throws {
        try DocumentScene.with { scene in
            try scene.pdf("swapped.pdf", ["The quick brown fox|jumps over the lazy dog"], isSwapped: true)
            #expect(try scene.shell("pdftotext swapped.pdf -").contains("\u{7100}"))
            try scene.tool("ocr add swapped.pdf --wait")
            let page = try scene.json("ocr text swapped.pdf")["pages"]?.array?.first
            #expect(page?["mode"]?.string == "drawn")
            #expect(page?["text"]?.string == "The quick brown fox\njumps over the lazy dog")
            #expect(try scene.json("ocr search quick")["hits"]?.array?.count == 1)
        }
    }

    @Test func hiddenTextStaysOrIsReadAnewAsTheProfileSays() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "again: {existing: redo}\nmore: {existing: add}\n")
            try scan("old.pdf", ["The quick brown fox"], hidden: "Thf qvick brovvn f0x jumqs", scene)
            for (profile, mode) in [("default", "text"), ("more", "text"), ("again", "picture")] {
                let job = try scene.json("ocr add old.pdf --wait --profile \(profile)")["jobs"]?.array?.first
                let key = try #require(job?["job_key"]?.string)
                let page = try scene.json("ocr text \(key)")["pages"]?.array?.first
                #expect(page?["mode"]?.string == mode)
                let text = try scene.shell("pdftotext 'data/out/\(job?["final_pdf"]?.string ?? "")' -")
                #expect(text.contains("qvick") == (profile != "again"))
                #expect(text.contains("quick brown fox") == (profile != "default"))
            }
            // The version before stays, and so it does when the later ones are taken back.
            #expect(try scene.shell("ls data/out | wc -l").contains("3"))
            try scene.tool("rollback ocr_intake.3")
            #expect(try scene.shell("pdftotext data/out/old.pdf -").contains("qvick"))
        }
    }
}
