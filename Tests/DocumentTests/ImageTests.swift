import BatchCore
import TestSupport
import Testing

/// Images of every kind are read, and lie in the PDF without damage.
@Suite struct ImageTests {
    /// Makes other files of `p.pgm`: 16 bits, with transparency, TIFF with LZW; and tells whether pixels are the same.
    private static let maker = #"""
        import struct, sys, zlib
        def pnm(name):
            data = open(name, "rb").read()
            kind, w, h, _, pixels = data.split(None, 4)
            return kind, int(w), int(h), data[len(data) - int(w) * int(h) * (3 if kind == b"P6" else 1):]
        def png(name, w, h, bits, colour, rows):
            def chunk(kind, body): return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            head = struct.pack(">IIBBBBB", w, h, bits, colour, 0, 0, 0)
            data = zlib.compress(b"".join(b"\0" + row for row in rows))
            open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
        if sys.argv[1] == "same":
            _, w, h, a = pnm(sys.argv[2]); kind, w2, h2, b = pnm(sys.argv[3])
            print((w, h) == (w2, h2) and a == (b[::3] if kind == b"P6" else b))
            sys.exit()
        _, w, h, p = pnm("p.pgm")
        rows = [p[y * w:y * w + w] for y in range(h)]
        png("deep.png", w, h, 16, 0, [b"".join(bytes([v, 255 - v]) for v in row) for row in rows])
        png("clear.png", w, h, 8, 6, [b"".join(bytes([0, 0, 0, 255 - v]) for v in row) for row in rows])
        codes = [257]
        bits, count = 0, 0
        out = bytearray()
        def put(code):
            global bits, count
            bits, count = bits << 9 | code, count + 9
            while count >= 8: count -= 8; out.append(bits >> count & 255)
            bits &= (1 << count) - 1
        for i, v in enumerate(p):
            if i % 200 == 0: put(256)
            put(v)
        put(257); put(0)
        tags = [(256, 4, 1, w), (257, 4, 1, h), (258, 3, 1, 8), (259, 3, 1, 5), (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1),
                (278, 4, 1, h), (279, 4, 1, len(out))]
        if len(out) % 2: out.append(0)
        directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0\0\0\0"
        open("lzw.tif", "wb").write(b"II*\0" + struct.pack("<I", 8 + len(out)) + bytes(out) + directory)
        """#

    private func with(_ body: (DocumentScene) throws -> Void) throws {
        try DocumentScene.with { scene in
            try scene.pdf("p.pdf", ["Invoice number 4711|The quick brown fox"])
            try scene.shell("pdftoppm -r 150 -gray -singlefile p.pdf p && rm p.pdf")
            try scene.write("make.py", ImageTests.maker)
            try scene.shell("python3 make.py all")
            try body(scene)
        }
    }

    @Test func deepAndTransparentImagesAndLZWAreNeitherLostNorChanged() throws {
        try with { scene in
            try scene.tool("ocr add deep.png clear.png lzw.tif --wait")
            for name in ["deep", "clear", "lzw"] {
                #expect(try scene.shell("pdftotext data/out/\(name).pdf -").contains("quick brown fox"), "\(name)")
                try scene.shell("qpdf --check data/out/\(name).pdf")
            }
            // 16 bits a sample, as they came.
            #expect(try scene.shell("pdfimages -list data/out/deep.pdf | awk 'NR == 3 { print $8 }'") == "16\n")
            #expect(try scene.shell("pdfimages -list data/out/clear.pdf").contains(" smask "))
            try scene.shell("pdfimages data/out/lzw.pdf lzw")
            #expect(try scene.shell("python3 make.py same p.pgm lzw-000.p?m") == "True\n")
        }
    }

    @Test func aPhotoThatWasHeldSidewaysIsTurnedForReadersAndStaysAsItIs() throws {
        try DocumentScene.with { scene in
            try scene.pdf("p.pdf", ["Invoice number 4711|The quick brown fox"])
            try scene.shell("qpdf --rotate=+270 p.pdf q.pdf && pdftoppm -r 150 -gray -jpeg -singlefile q.pdf q")
            // Orientation 6: a reader turns it by 90 degrees, clockwise.
            try scene.shell(
                """
                python3 - <<'PY'
                data = open('q.jpg', 'rb').read()
                exif = b'Exif\\0\\0' + b'II*\\0\\x08\\0\\0\\0' + b'\\x01\\0' + b'\\x12\\x01\\x03\\0\\x01\\0\\0\\0\\x06\\0\\0\\0' + b'\\0' * 4
                open('photo.jpg', 'wb').write(data[:2] + b'\\xff\\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif + data[2:])
                PY
                """)
            try scene.tool("ocr add photo.jpg --wait")
            #expect(try scene.tool("ocr text photo.jpg").contains("quick brown fox"))
            #expect(try scene.shell("pdfinfo data/out/photo.pdf | sed -n 's/^Page rot: *//p'") == "90\n")
            try scene.shell("pdfimages -all data/out/photo.pdf i && cmp photo.jpg i-000.jpg")
            #expect(try scene.shell("pdftotext data/out/photo.pdf -").contains("quick brown fox"))
        }
    }

    @Test func wherePowerIsLostEachFileHasOneHome() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["First page", "Second page", "Third page"])
            try scene.shell("mkdir -p data/in && cp p-*.png data/in && touch -d '-1 minute' data/in/*")
            // Ended anywhere, again and again.
            for delay in ["0.15", "0.4", "0.3", "0.8", "0.5", "1.1"] {
                try scene.shell("timeout -s KILL \(delay) \"$TOOL\" ocr discover --quiet || true")
                #expect(try scene.shell("find data -name 'p-*.png' | wc -l").contains("3"), "\(delay)")
            }
            try scene.shell("\"$TOOL\" ocr discover --quiet; \"$TOOL\" ocr retry --quiet || true")
            #expect(try scene.sql("SELECT group_concat(DISTINCT state), count(*) FROM ocr_documents") == "DONE|3")
            #expect(try scene.shell("ls data/out") == "p-1.pdf\np-2.pdf\np-3.pdf\n")
            #expect(try scene.shell("find data/archive -name 'p-*.png' | wc -l").contains("3"))
        }
    }
}
