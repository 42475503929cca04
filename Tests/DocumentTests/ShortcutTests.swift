import BatchCore
import TestSupport
import Testing

/// What a worker spares the library that reads: nothing of it may change what is read.
@Suite struct ShortcutTests {
    @Test func bothAreTakenInAProcessOfOneThread() throws {
        try DocumentScene.with { scene in
            for (threads, taken) in [(1, 2), (2, 0)] {
                let answer = try scene.shell(
                    "echo '{\"do\": \"shorten\"}' | OMP_THREAD_LIMIT=\(threads) \"$TOOL\" ocr-worker")
                #expect(try JSONParser.parse(answer)["shortened"]?.integer == Int64(taken))
            }
        }
    }

    @Test(arguments: ["-gray -png", "-png", "-mono", "-gray -jpeg", "-tiff"])
    func whatIsReadIsTheSameToTheLastDigit(format: String) throws {
        try DocumentScene.with { scene in
            try scene.pdf("p.pdf", ["Invoice number 4711|The quick brown fox", "Total 12.50"])
            try scene.shell("pdftoppm -r 150 \(format) p.pdf page && mkdir pages && mv page-* pages")
            let answers = try ["false", "true"].map { isShortened in
                try scene.shell(
                    """
                    for file in pages/*; do for psm in 1 3 11; do
                    printf '{"do": "recognise", "file": "%s", "mode": "image", "dpi": 150, "languages": "eng", "psm": %s, \
                    "shortened": \(isShortened)}\\n' "$PWD/$file" "$psm"
                    done; done | OMP_THREAD_LIMIT=1 "$TOOL" ocr-worker
                    """)
            }
            #expect(answers[0] == answers[1])
            #expect(answers[0].split(separator: "\n").count == 6 && answers[0].contains("4711"), "\(answers[0])")
        }
    }
}
