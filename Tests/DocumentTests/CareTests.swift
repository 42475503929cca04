import BatchCore
import TestSupport
import Testing

/// What operators do with documents that are done, or that nobody wants any more.
@Suite struct CareTests {
    private static let files =
        "find data -type f ! -path '*/index/*' ! -name state.json ! -name '*.heartbeat' -exec sha256sum {} + | sort -k2"

    @Test func aPurgedDocumentIsGoneUntilThePurgeIsTakenBack() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Purged page"])
            try scene.tool("ocr add p-1.png --wait")
            let before = try scene.shell(CareTests.files)
            let job = try scene.json("ocr purge --key p-1.png")["jobs"]?.array?.first
            #expect(job?["state"]?.string == "PURGED" && job?["final_pdf"]?.string == nil)
            #expect(
                try scene.sql("SELECT count(*) FROM ocr_documents UNION ALL SELECT count(*) FROM ocr_words") == "0\n0")
            #expect(try scene.shell("ls data/out data/archive") == "data/archive:\n\ndata/out:\n")
            #expect(try scene.shell("find data/hold/purged -name 'p-1.p*' | wc -l").contains("2"))
            try scene.tool("rollback ocr_remove.1")
            #expect(try scene.shell(CareTests.files) == before)
            #expect(try scene.json("ocr search purged")["hits"]?.array?.count == 1)
            try scene.tool("verify")
        }
    }

    @Test func anArchiveIsMovedOnlyAfterItWasCompared() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["First page", "Second page"])
            try scene.tool("ocr add p-1.png p-2.png --wait")
            // One of them is not what came in any more.
            try scene.shell("f=$(find data/archive -name p-2.png); echo x >> $f")
            try scene.tool("ocr archive move --to far", code: 1)
            #expect(try scene.shell("find data/archive -name p-2.png | wc -l").contains("1"))
            try scene.shell("cp p-2.png $(find data/archive -name p-2.png)")
            // Onto itself, by whatever name: the copy would be all that there was.
            try scene.shell("ln -s data/archive near")
            for place in ["data", "data/archive", "near", "./data/../data/archive"] {
                try scene.tool("ocr archive move --to \(place)", code: 2)
            }
            #expect(try scene.shell("find data/archive -name p-2.png | wc -l").contains("1"))
            try scene.tool("ocr archive move --to far")
            #expect(try scene.shell("find data/archive -type f") == "")
            try scene.shell("cmp p-1.png far/*/p-1.png && cmp p-2.png far/*/p-2.png")
        }
    }

    @Test func aResetKeepsAllInAnArchiveAndIsTakenBack() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            let before = try scene.shell(CareTests.files)
            try scene.tool("ocr reset --archive data/all.tar.zst", code: 2)
            try scene.tool("ocr reset --archive all.tar.zst --keep outs", code: 2)
            let report = try scene.json("ocr reset --archive all.tar.zst --keep out")
            #expect(report["documents"]?.integer == 1)
            #expect(try scene.shell("find data -type f ! -path '*/index/*'") == "data/out/p-1.pdf\n")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents") == "0")
            #expect(try scene.shell("tar --zstd -tf all.tar.zst").contains("/p-1.png\n"))
            try scene.tool("rollback ocr_remove.1")
            #expect(try scene.shell(CareTests.files) == before)
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")
        }
    }

    @Test func aResetRemovesNoFileThatIsNotInItsArchive() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            // An intake that was killed has the only copy there.
            try scene.shell("mkdir -p data/work/_staging/x; cp p-1.png data/work/_staging/x/taken.png")
            try scene.shell("cp p-1.png \"data/in/$(printf 'a\\nb\\\\ é').part\"; cp p-1.png 'data/in/“q”.part'")
            let before = try scene.shell(CareTests.files)
            try scene.tool("ocr reset --archive all.tar.zst")
            #expect(
                try scene.shell("find data -type f ! -path '*/index/*'") == "data/work/_staging/x/taken.png\n")
            try scene.tool("rollback ocr_remove.1")
            #expect(try scene.shell(CareTests.files) == before)
        }
    }

    /// The process that fills a folder, or waits for its turn, may be in another container: its number says nothing.
    @Test func filesThatSomebodyElseIsTakingInAreLeftAlone() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["The first page", "The second page", "The third page"])
            try scene.tool("ocr add p-1.png --wait")
            let found = try scene.shell(
                """
                cd data/work/_staging; mkdir add-0123456789abcdef add-fedcba9876543210.part
                cp ../../../p-2.png add-0123456789abcdef/; cp ../../../p-2.png add-fedcba9876543210.part/; cd ../../..
                flock data/work/_staging/add-0123456789abcdef flock data/work/_staging/add-fedcba9876543210.part \
                    "$TOOL" ocr add p-3.png --wait --json > said
                ls data/work/_staging/*; sqlite3 app.db "SELECT count(*) FROM ocr_documents"
                """)
            #expect(
                found == """
                    data/work/_staging/add-0123456789abcdef:
                    p-2.png

                    data/work/_staging/add-fedcba9876543210.part:
                    p-2.png
                    2

                    """)
            // Nobody has them any more: the next intake takes what is whole, and removes what is not.
            try scene.tool("ocr discover")
            #expect(try scene.shell("find data/work/_staging -type f -o -name '*.part'") == "")
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents") == "3")
        }
    }

    @Test func aResetThatWasKilledIsTakenBack() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            let before = try scene.shell(CareTests.files)
            try scene.shell("BATCHMGR_KILL_AT=documents-removed \"$TOOL\" ocr reset --archive all.tar.zst", code: 137)
            #expect(try scene.shell(CareTests.files) != before)
            try scene.tool("rollback ocr_remove.1")
            #expect(try scene.shell(CareTests.files) == before)
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")
        }
    }

    @Test func aResetThatWasKilledIsGoneOnWith() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page", "Another page"])
            try scene.tool("ocr add p-1.png p-2.png --wait")
            let before = try scene.shell(CareTests.files)
            try scene.shell("BATCHMGR_KILL_AT=documents-removed \"$TOOL\" ocr reset --archive all.tar.zst", code: 137)
            // What came meanwhile is in no archive.
            try scene.shell("cp p-1.png data/in/new.part")
            try scene.tool("resume --id ocr_remove.1")
            #expect(
                try scene.shell("find data -type f ! -path '*/index/*'; ls all*") == "data/in/new.part\nall.tar.zst\n")
            try scene.shell("rm data/in/new.part")
            try scene.tool("rollback ocr_remove.1")
            #expect(try scene.shell(CareTests.files) == before)
        }
    }

    @Test func whatIsCancelledIsReadNoMore() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("BATCHMGR_KILL_AT=page-begun \"$TOOL\" ocr add p-1.png --wait", code: 137)
            try scene.tool("ocr purge p-1.png", code: 2)
            try scene.tool("ocr cancel p-1.png")
            #expect(try scene.sql("SELECT state, error FROM ocr_documents") == "ERROR_OCR|cancelled")
            #expect(try scene.shell("find data -name p-1.png").contains("data/error/"))
            try scene.tool("ocr cancel p-1.png", code: 2)
            try scene.tool("ocr retry --key p-1.png")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")
        }
    }
}
