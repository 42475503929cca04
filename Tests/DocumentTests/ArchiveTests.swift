import BatchCore
import TestSupport
import Testing

/// Archives with entries that cannot be read, and PDFs that are small by themselves.
@Suite struct ArchiveTests {
    /// Three pages; what is wrong with the second or third is in the name.
    private static let maker = """
        python3 - <<'PY'
        import io, tarfile, zipfile
        pages = [open(f'p-{n}.pgm', 'rb').read() for n in (1, 2, 3)]
        def put(name, entries):
            with zipfile.ZipFile(name, 'w') as z:
                for number, data in enumerate(entries, 1): z.writestr(f'{number}.pgm', data)
        put('empty.cbz', [pages[0], b'', pages[2]])
        put('words.cbz', [pages[0], b'no picture', pages[2]])
        put('nothing.cbz', [b'', b'', b'no picture'])
        put('sum.cbz', pages)
        data = bytearray(open('sum.cbz', 'rb').read())
        data[data.find(b'2.pgm') + 9000] ^= 1
        open('sum.cbz', 'wb').write(data)
        put('short.cbz', pages)
        data = open('short.cbz', 'rb').read()
        open('short.cbz', 'wb').write(data[:len(pages[0]) * 2 + 5000])
        class Stream(io.RawIOBase):
            def __init__(self, file): self.file = file
            def writable(self): return True
            def seekable(self): return False
            def write(self, data): return self.file.write(data)
        with open('stream.cbz', 'wb') as file, zipfile.ZipFile(Stream(file), 'w', zipfile.ZIP_DEFLATED) as z:
            for number, data in enumerate([pages[0], b'', pages[2]], 1): z.writestr(f'{number}.pgm', data)
        with tarfile.open('tape.cbt', 'w') as tape:
            for number, data in enumerate([pages[0], b'', pages[2]], 1):
                entry = tarfile.TarInfo(f'{number}.pgm')
                entry.size = len(data)
                tape.addfile(entry, io.BytesIO(data))
        PY
        """

    private func with(_ body: (DocumentScene) throws -> Void) throws {
        try DocumentScene.with { scene in
            try scene.pdf("p.pdf", ["First page", "Second page", "Third page"])
            try scene.shell("pdftoppm -r 150 -gray p.pdf p")
            try scene.shell(ArchiveTests.maker)
            try scene.write("catalog/ocr_profiles.yaml", "gaps: {partial: placeholder, languages: [eng]}\n")
            try body(scene)
        }
    }

    @Test(arguments: [
        ("empty.cbz", 2, "page 2 is damaged: it has no bytes"), ("stream.cbz", 2, "page 2 is damaged: it has no bytes"),
        ("tape.cbt", 2, "page 2 is damaged: it has no bytes"),
        ("sum.cbz", 2, "page 2 is damaged: it cannot be unpacked"),
        (
            "words.cbz", 2,
            "page 2 is not a document that can be read: its first bytes are of no known kind"
        ), ("short.cbz", 3, "page 3 is damaged: it cannot be unpacked"),
    ])
    func aPlaceholderStandsForAPageThatCannotBeRead(file: String, gap: Int, words: String) throws {
        try with { scene in
            let job = try scene.json("ocr add \(file) --wait --profile gaps")["jobs"]?.array?.first
            #expect(job?["state"]?.string == "DONE" && job?["pages"]?.integer == 3, "\(job ?? .null)")
            // It is told by what lists documents, by what shows text, in the log and in the state.
            #expect(job?["message"]?.string == "1 page is a placeholder: \(words)")
            #expect(try scene.tool("ocr list").contains("\(file): 1 page is a placeholder: \(words)\n"))
            let pages = try scene.json("ocr text \(file)")["pages"]?.array ?? []
            #expect(pages.map { $0["mode"]?.string == "gap" } == (1...3).map { $0 == gap })
            #expect(pages.map { $0["fault"] != nil } == (1...3).map { $0 == gap })
            #expect(pages.first?["text"]?.string == "First page")
            #expect(
                try scene.tool("ocr text \(file) --page \(gap)")
                    == "(a placeholder: the \(words.replacing("page \(gap)", with: "page")))\n")
            #expect(try scene.shell("cat data/work/*/prep.log").contains("\(words): a placeholder"))
            #expect(try scene.shell("grep -c 'is a placeholder' data/work/*/state.json") == "1\n")
            #expect(
                try scene.shell("qpdf --check data/out/*.pdf && pdfinfo data/out/*.pdf").contains("Pages:           3"))
            // Without placeholders the document fails, and says with which page.
            let failed = try scene.json("ocr add \(file) --wait", code: 1)["jobs"]?.array?.first
            #expect(failed?["error"]?.string == (file == "words.cbz" ? "unknown_type" : "damaged"))
            let isPageKnown = !["sum.cbz", "short.cbz"].contains(file)
            #expect(failed?["message"]?.string?.contains("page 2") == isPageKnown, "\(failed ?? .null)")
        }
    }

    @Test func aDocumentOfPlaceholdersAloneHasFailed() throws {
        try with { scene in
            let job = try scene.json("ocr add nothing.cbz --wait --profile gaps", code: 1)["jobs"]?.array?.first
            #expect(
                job?["error"]?.string == "damaged" && job?["message"]?.string == "is damaged: page 1: it has no bytes")
            #expect(try scene.shell("ls data/out") == "")
        }
    }

    /// The least size of a PDF is there to catch what went wrong on the way, not what came in small.
    @Test(arguments: [true, false]) func aPDFThatIsSmallByItselfIsPublished(hasText: Bool) throws {
        try DocumentScene.with { scene in
            try scene.shell(
                """
                python3 - <<'PY'
                text = b'BT /F 20 Tf 20 100 Td (Twenty letters and more of them) Tj ET' if \(hasText ? "True" : "False") else b''
                body = [b'<< /Type /Catalog /Pages 2 0 R >>', b'<< /Type /Pages /Count 1 /Kids [3 0 R] >>',
                    b'<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 160] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>',
                    b'<< /Length %d >>\\nstream\\n%s\\nendstream' % (len(text), text),
                    b'<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>']
                out, places = b'%PDF-1.4\\n', []
                for number, object in enumerate(body, 1):
                    places.append(len(out))
                    out += b'%d 0 obj\\n%s\\nendobj\\n' % (number, object)
                start = len(out)
                out += b'xref\\n0 6\\n0000000000 65535 f \\n' + b''.join(b'%010d 00000 n \\n' % place for place in places)
                out += b'trailer\\n<< /Size 6 /Root 1 0 R >>\\nstartxref\\n%d\\n%%%%EOF\\n' % start
                assert len(out) < 1024
                open('small.pdf', 'wb').write(out)
                PY
                """)
            let job = try scene.json("ocr add small.pdf --wait")["jobs"]?.array?.first
            #expect(job?["state"]?.string == "DONE" && job?["pages"]?.integer == 1, "\(job ?? .null)")
            try scene.shell("qpdf --check data/out/small.pdf")
            let text = try scene.tool("ocr text small.pdf")
            #expect(text == (hasText ? "Twenty letters and more of them\n" : "\n"))
            // What is made of a picture still has to have that size.
            try scene.pictures("p", ["One page"])
            let told = try scene.shell("MIN_PDF_SIZE_BYTES=1000000 \"$TOOL\" ocr add p-1.png --wait --json", code: 1)
            #expect(told.contains("pdf_invalid"))
        }
    }
}
