import BatchCore
import TestSupport
import Testing

/// What picture files say of themselves: how they are to be turned, and how large their pixels are.
@Suite struct PictureTests {
    /// Writes picture files of every kind. `up-1.pgm` is the page as it is to be seen.
    private static let maker = #"""
        import ctypes, struct, sys, zlib
        def page(name="up-1.pgm"):
            kind, size, most, data = open(name, "rb").read().split(b"\n", 3)
            width, height = map(int, size.split())
            return [data[n * width:(n + 1) * width] for n in range(height)]
        def stored(rows, orientation):
            "As it lies in a file that says this orientation: what is mirrored and then turned is the page again."
            for _ in range({3: 2, 4: 2, 6: 3, 7: 3, 5: 1, 8: 1}.get(orientation, 0)):
                rows = [bytes(column) for column in zip(*rows[::-1])]
            return [row[::-1] for row in rows] if orientation in (2, 4, 5, 7) else rows
        def exif(orientation):
            return b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1" + bytes([0, orientation, 0, 0, 0, 0, 0, 0])
        def tiff(pages):
            "Pages: kind, rows, orientation, resolution."
            out = bytearray(b"II*\0\0\0\0\0")
            link = 4
            for kind, rows, orientation, (across, down) in pages:
                width, height = len(rows[0]), len(rows)
                samples = {"rgb": 3, "rgba": 4, "cmyk": 4}.get(kind, 1)
                pixel = {"rgb": lambda v: (v, v, v), "rgba": lambda v: (v, v, v, 255), "cmyk": lambda v: (0, 0, 0, 255 - v)}.get(kind)
                if kind == "bits":
                    data = b"".join(
                        int("".join("1" if v > 127 else "0" for v in row).ljust(-(-width // 8) * 8, "0"), 2).to_bytes(-(-width // 8), "big")
                        for row in rows)
                else:
                    data = b"".join(rows) if not pixel else b"".join(bytes(x for v in row for x in pixel(v)) for row in rows)
                if len(out) % 2: out += b"\0"
                place = len(out)
                out += struct.pack("<IIII", across, 1, down, 1) + struct.pack("<4H", 8, 8, 8, 8)
                pixels = len(out)
                out += data + b"\0" * (len(data) % 2)
                depth = 1 if kind == "bits" else 8
                entries = [
                    (256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, depth if samples == 1 else place + 16), (259, 3, 1, 1),
                    (262, 3, 1, {"rgb": 2, "rgba": 2, "cmyk": 5}.get(kind, 1)), (273, 4, 1, pixels), (274, 3, 1, orientation),
                    (277, 3, 1, samples), (278, 4, 1, height), (279, 4, 1, len(data)), (282, 5, 1, place), (283, 5, 1, place + 8),
                    (296, 3, 1, 2)] + ([(338, 3, 1, 2)] if kind == "rgba" else [])
                out[link:link + 4] = struct.pack("<I", len(out))
                out += struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
                link = len(out)
                out += bytes(4)
            return bytes(out)
        def png(rows, orientation=None, resolution=None, last=False):
            chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0))
            if resolution: out += chunk(b"pHYs", struct.pack(">IIB", *[round(dpi / 0.0254) for dpi in resolution], 1))
            own = chunk(b"eXIf", exif(orientation)) if orientation else b""
            pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
            half = len(pixels) // 2
            pixels = chunk(b"IDAT", pixels[:half]) + chunk(b"IDAT", pixels[half:])
            return out + (pixels + own if last else own + pixels) + chunk(b"IEND", b"")
        def encoded(rows, ending, format):
            open("plain.pgm", "wb").write(b"P5\n%d %d\n255\n" % (len(rows[0]), len(rows)) + b"".join(rows))
            library = ctypes.CDLL("liblept.so.5")
            library.pixRead.restype = ctypes.c_void_p
            library.pixWrite.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int]
            assert library.pixWrite(b"plain." + ending, library.pixRead(b"plain.pgm"), format) == 0
            return open(b"plain." + ending, "rb").read()
        def jpeg(rows, orientation=None, resolution=None):
            data = bytearray(encoded(rows, b"jpg", 2))
            assert data[6:11] == b"JFIF\0"
            if resolution: data[13:18] = struct.pack(">BHH", 1, *resolution)
            own = b"Exif\0\0" + exif(orientation or 1)
            return bytes(data[:20] + b"\xff\xff\xe1" + struct.pack(">H", len(own) + 2) + own + data[20:])
        def webp(rows, orientation, words=b""):
            plain = encoded(rows, b"webp", 15)
            kind, end = plain[12:16], 20 + struct.unpack("<I", plain[16:20])[0]
            own = words + exif(orientation)
            body = b"WEBPVP8X" + struct.pack("<II", 10, 8) + (len(rows[0]) - 1).to_bytes(3, "little") + (len(rows) - 1).to_bytes(3, "little")
            body += plain[12:end] + b"\0" * (end % 2) + b"EXIF" + struct.pack("<I", len(own)) + own
            return b"RIFF" + struct.pack("<I", len(body)) + body
        """#

    private static let kinds = [
        "bits": "tiff([('bits', rows, o, (100, 100))])", "grey": "tiff([('grey', rows, o, (100, 100))])",
        "rgb": "tiff([('rgb', rows, o, (100, 100))])", "rgba": "tiff([('rgba', rows, o, (100, 100))])",
        "cmyk": "tiff([('cmyk', rows, o, (100, 100))])", "png": "png(rows, o)", "png-last": "png(rows, o, last=True)",
        "jpeg": "jpeg(rows, o)", "webp": "webp(rows, o)", "webp-words": "webp(rows, o, b'Exif\\0\\0')",
    ]

    @Test(arguments: PictureTests.kinds.keys.sorted()) func eachPictureComesOutUpright(kind: String) throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "default: {languages: [eng]}\n")
            try scene.write("make_pictures.py", PictureTests.maker)
            let form = try #require(PictureTests.kinds[kind])
            try scene.pdf("up.pdf", ["Invoice 4711|quick brown"])
            try scene.shell(
                """
                pdftoppm -r 100 -gray up.pdf up && python3 - <<'PY'
                from make_pictures import *
                for o in range(1, 9):
                    rows = stored(page(), o)
                    open(f'p{o}.image', 'wb').write(\(form))
                PY
                """)
            try scene.tool("ocr add p1.image p2.image p3.image p4.image p5.image p6.image p7.image p8.image --wait -q")
            let told = try scene.shell(
                """
                for o in 1 2 3 4 5 6 7 8; do
                    set -- $(sed -n 2p up-1.pgm)
                    # pdftoppm means the sides of a page before it is turned.
                    if pdfinfo data/out/p$o.pdf | grep -Eq 'Page rot: *(90|270)'; then set -- $2 $1; fi
                    pdftoppm -gray -singlefile -scale-to-x $1 -scale-to-y $2 data/out/p$o.pdf shown
                    python3 - $o <<'PY'
                import sys
                a, b = (open(name, 'rb').read().split(b'\\n', 3) for name in ('up-1.pgm', 'shown.pgm'))
                near = a[1] == b[1] and sum(abs(x - y) for x, y in zip(a[3], b[3])) / len(a[3]) < 8
                print(sys.argv[1], 'upright' if near else 'turned')
                PY
                done
                """)
            #expect(told == (1...8).map { "\($0) upright\n" }.joined(), "\(kind): \(told)")
            // A page of another shape than this one would be stretched to it above.
            let pages = try scene.sql("SELECT count(*) FROM ocr_pages WHERE width = 556 AND abs(height - 222) < 2")
            let texts = try scene.sql("SELECT DISTINCT text FROM ocr_pages")
            #expect(pages == "8" && texts == "Invoice 4711\nquick brown", "\(kind): \(texts)")
        }
    }

    // MARK: Pixels that are not square

    private static let fax = [
        "tiff": "tiff([('bits', rows, 1, (204, 98))])", "grey": "tiff([('grey', rows, 1, (204, 98))])",
        "mixed": "tiff([('bits', rows, 1, (204, 98)), ('rgb', square, 1, (150, 150))])",
        "turned": "tiff([('grey', stored(rows, 6), 6, (98, 204))])",
        "coloured": "tiff([('rgb', stored(rows, 8), 8, (98, 204))])", "png": "png(rows, resolution=(204, 98))",
        "png-turned": "png(stored(rows, 8), 8, (98, 204))", "jpeg": "jpeg(rows, resolution=(204, 98))",
        "jpeg-turned": "jpeg(stored(rows, 7), 7, (98, 204))",
    ]

    /// A page of 400 × 160 points, of which a fax has twice as many pixels across as down.
    @Test(arguments: PictureTests.fax.keys.sorted()) func aPageIsAsLargeAsBothResolutionsSay(kind: String) throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "default: {languages: [eng], output: [hocr]}\n")
            try scene.write("make_pictures.py", PictureTests.maker)
            let form = try #require(PictureTests.fax[kind])
            try scene.pdf("up.pdf", ["Invoice number 4711|The quick brown fox"])
            try scene.shell(
                """
                pdftoppm -rx 204 -ry 98 -gray up.pdf up && pdftoppm -r 150 -gray up.pdf square && python3 - <<'PY'
                from make_pictures import *
                rows, square = page(), page("square-1.pgm")
                open('fax.image', 'wb').write(\(form))
                PY
                """)
            try scene.tool("ocr add fax.image --wait -q")
            let texts = try scene.sql("SELECT DISTINCT text FROM ocr_pages")
            #expect(texts == "Invoice number 4711\nThe quick brown fox", "\(kind): \(texts)")
            let sizes = try scene.shell(
                "pdfinfo -l 9 data/out/fax.pdf | sed -n 's/.*size: *\\([0-9.]*\\) x \\([0-9.]*\\) .*/\\1 \\2/p'")
            let turned = kind.hasSuffix("turned") && kind != "turned"
            for size in sizes.split(separator: "\n") {
                let points = size.split(separator: " ").compactMap { Double($0) }
                let expected = turned ? [160.0, 400.0] : [400.0, 160.0]
                #expect(zip(points, expected).allSatisfy { abs($0 - $1) < 1.5 }, "\(kind): \(sizes)")
            }
            #expect(sizes.split(separator: "\n").count == (kind == "mixed" ? 2 : 1))
            // Words stand in the text layer where they were, and their boxes in the pixels of the picture.
            let boxes =
                "sed -n 's/.*xMin=\"\\([0-9.]*\\)\" yMin=\"\\([0-9.]*\\)\" xMax=\"\\([0-9.]*\\)\" yMax=\"\\([0-9.]*\\)\">quick<.*/\\1 \\2 \\3 \\4/p'"
            let places = try scene.shell(
                "pdftotext -bbox up.pdf - | \(boxes); pdftotext -bbox data/out/fax.pdf - | \(boxes)"
            ).split(separator: "\n").map { $0.split(separator: " ").compactMap { Double($0) } }
            try #require(places.count == (kind == "mixed" ? 3 : 2) && places.allSatisfy { $0.count == 4 }, "\(places)")
            for found in places.dropFirst() {
                // The original names the lines of the font, which reach further than the letters.
                #expect(zip(found, places[0]).allSatisfy { abs($0 - $1) < 8 }, "\(kind): \(places)")
            }
            let row = try scene.sql(
                "SELECT x, y, x + width, y + height FROM ocr_words WHERE text = 'quick' ORDER BY page LIMIT 1")
            let pixels = row.split(separator: "|").compactMap { Double($0) }
            try #require(pixels.count == 4)
            let points = zip(pixels, [204.0, 98, 204, 98]).map { $0 * 72 / $1 }
            #expect(zip(points, places[0]).allSatisfy { abs($0 - $1) < 6 }, "\(kind): \(points) \(places[0])")
            #expect(try TextFile.read("\(scene.folder)/data/out/fax.hocr").contains("scan_res 204 98"))
        }
    }

    /// The engine gets square pixels; the picture in the PDF has its own.
    @Test func theEngineSeesSquarePixelsAndThePictureStays() throws {
        try DocumentScene.with { scene in
            try scene.write("batchmgr.yaml", "databases:\n  main: {path: app.db}\nplugins: {reader: ./reader}\n")
            try scene.write("catalog/ocr_profiles.yaml", "default: {engine: reader}\n")
            try scene.write("make_pictures.py", PictureTests.maker)
            try scene.write(
                "reader",
                """
                #!/usr/bin/env python3
                import json, struct, sys
                for line in sys.stdin:
                    asked = json.loads(line)
                    answer = {"version": "1"}
                    if asked["do"] != "info":
                        size = struct.unpack(">II", open(asked["image"], "rb").read(24)[16:])
                        open("\(scene.folder)/seen", "a").write(f"{size[0]} {size[1]} {asked['dpi']}\\n")
                        answer = {"words": [["Word", 100, 200, 50, 40, 0.9, "line"]]}
                    print(json.dumps(answer), flush=True)
                """)
            try scene.pdf("up.pdf", ["Invoice number 4711"])
            try scene.shell(
                """
                chmod +x reader && pdftoppm -rx 204 -ry 98 -gray up.pdf up && python3 - <<'PY'
                from make_pictures import *
                open('fax.png', 'wb').write(png(page(), resolution=(204, 98)))
                PY
                """)
            try scene.tool("ocr add fax.png --wait -q")
            #expect(try scene.shell("cat seen; sed -n 2p up-1.pgm") == "1134 454 204\n1134 218\n")
            #expect(try scene.sql("SELECT x, y, width, height FROM ocr_words") == "100|96|50|20")
            let list = try scene.shell("pdfimages -list data/out/fax.pdf | awk 'NR > 2 {print $4, $5, $13, $14}'")
            #expect(list == "1134 218 204 98\n")
        }
    }
}
