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

    // MARK: What a file says of itself

    private static let camera = #"""
        import subprocess, sys, zlib
        kind, size, most, data = open('up-1.pgm', 'rb').read().split(b'\n', 3)
        width, height = map(int, size.split())
        rows = [data[n * width:(n + 1) * width] for n in range(height)]
        orientation = int(sys.argv[1])
        # The other way round: what is mirrored and then turned is to be the page as it was.
        for _ in range({3: 2, 4: 2, 6: 3, 7: 3, 5: 1, 8: 1}.get(orientation, 0)):
            rows = [bytes(column) for column in zip(*rows[::-1])]
        if orientation in (2, 4, 5, 7): rows = [row[::-1] for row in rows]
        width, height, pixels = len(rows[0]), len(rows), zlib.compress(b''.join(rows))
        draw = b'q %d 0 0 %d 0 0 cm /I Do Q' % (width, height)
        body = [b'<< /Type /Catalog /Pages 2 0 R >>', b'<< /Type /Pages /Count 1 /Kids [3 0 R] >>',
            b'<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>'
            % (width, height), b'<< /Length %d >>\nstream\n%s\nendstream' % (len(draw), draw),
            b'<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 '
            b'/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream' % (width, height, len(pixels), pixels)]
        out, places = b'%PDF-1.4\n', []
        for number, thing in enumerate(body, 1):
            places.append(len(out))
            out += b'%d 0 obj\n%s\nendobj\n' % (number, thing)
        start = len(out)
        out += b'xref\n0 6\n0000000000 65535 f \n' + b''.join(b'%010d 00000 n \n' % place for place in places)
        out += b'trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n' % start
        open('stored.pdf', 'wb').write(out)
        subprocess.run(['pdftoppm', '-r', '72', '-gray', '-jpeg', '-singlefile', 'stored.pdf', 'stored'], check=True)
        exif = b'Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1' + bytes([0, orientation, 0, 0, 0, 0, 0, 0])
        jpeg = open('stored.jpg', 'rb').read()
        open('photo.jpg', 'wb').write(jpeg[:2] + b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif + jpeg[2:])
        """#

    /// The picture in the PDF is the one that came in; the page shows it as its camera wants it to be seen.
    @Test(arguments: 1...8) func aPhotographIsReadAndShownAsItsCameraSays(orientation: Int) throws {
        try DocumentScene.with { scene in
            try scene.pdf("up.pdf", ["Invoice number 4711|The quick brown fox"])
            try scene.shell("pdftoppm -r 150 -gray up.pdf up")
            try scene.write("camera.py", PDFTests.camera)
            try scene.shell("python3 camera.py \(orientation)")
            try scene.tool("ocr add photo.jpg --wait")
            #expect(try scene.tool("ocr text photo.jpg") == "Invoice number 4711\nThe quick brown fox\n")
            try scene.shell("pdfimages -all data/out/photo.pdf own && cmp photo.jpg own-000.jpg")
            let told = try scene.shell(
                """
                set -- $(sed -n 2p up-1.pgm)
                pdftoppm -gray -singlefile -scale-to $1 data/out/photo.pdf shown
                python3 - <<'PY'
                a, b = (open(name, 'rb').read().split(b'\\n', 3)[3] for name in ('up-1.pgm', 'shown.pgm'))
                print(len(a) == len(b) and sum(abs(x - y) for x, y in zip(a, b)) / len(a) < 6)
                PY
                pdftotext -bbox data/out/photo.pdf - | sed -n 's/.*xMin="\\([0-9]*\\).*>quick<.*/\\1/p'
                pdftotext -bbox up.pdf - | sed -n 's/.*xMin="\\([0-9]*\\).*>quick<.*/\\1/p'
                """)
            let lines = told.split(separator: "\n")
            try #require(lines.count == 3 && lines[0] == "True", "\(told)")
            // A page of 400 points, as 834 pixels of a picture that says 72 to the inch.
            let places = lines.dropFirst().compactMap { Double($0) }
            #expect(abs(places[0] / 834 - places[1] / 400) < 0.02, "\(told)")
        }
    }

    @Test func aSignatureThatDoesNotHoldAnyMoreIsTold() throws {
        try DocumentScene.with { scene in
            try scan("scan.pdf", ["Invoice number 4711|The quick brown fox"], scene)
            try scene.pdf("text.pdf", ["These words have been here before"])
            try scene.shell(
                """
                for name in scan text; do
                    sed 's|/Type /Catalog|& /AcroForm << /SigFlags 3 /Fields [] >>|' $name.pdf >signed.pdf
                    qpdf signed.pdf $name.pdf || [ $? = 3 ]
                done
                qpdf --encrypt '' owner 256 -- scan.pdf owner.pdf
                """)
            let jobs = try scene.json("ocr add scan.pdf text.pdf owner.pdf --wait")["jobs"]?.array ?? []
            let told = Dictionary(
                jobs.map { ($0["name"]?.string ?? "", $0["message"]?.string ?? "") },
                uniquingKeysWith: { first, _ in first })
            let words =
                "is signed, and the signature does not hold for the PDF with text: the signed one is in data/archive"
            #expect(told["scan.pdf"] == words && told["text.pdf"] == "", "\(told)")
            try scene.shell("cmp text.pdf data/out/text.pdf && cmp scan.pdf data/archive/*/scan.pdf")
            // An owner password alone keeps nobody from reading.
            #expect(jobs.allSatisfy { $0["state"]?.string == "DONE" }, "\(jobs)")
            #expect(try scene.shell("qpdf --show-encryption data/out/owner.pdf") == "File is not encrypted\n")
        }
    }

    @Test func anAnimatedWebPIsNotCalledDamaged() throws {
        try DocumentScene.with { scene in
            try scene.shell(
                """
                python3 - <<'PY'
                size = (99).to_bytes(3, 'little') * 2
                frame = bytes(6) + size + bytes(4) + b'VP8 ' + bytes(4)
                body = b'WEBPVP8X' + (10).to_bytes(4, 'little') + b'\\2\\0\\0\\0' + size + b'ANIM' + (6).to_bytes(4, 'little') + bytes(6)
                body += b'ANMF' + len(frame).to_bytes(4, 'little') + frame
                open('moving.webp', 'wb').write(b'RIFF' + len(body).to_bytes(4, 'little') + body)
                PY
                """)
            let job = try scene.json("ocr add moving.webp --wait", code: 1)["jobs"]?.array?.first
            #expect(job?["error"]?.string == "unreadable", "\(job ?? .null)")
            #expect(job?["message"]?.string == "cannot be read: it is an animated WebP")
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
