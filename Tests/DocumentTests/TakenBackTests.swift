import BatchCore
import TestSupport
import Testing

/// Files go with the rows of their batch: forwards and backwards, as often as you like, and after a kill.
@Suite struct TakenBackTests {
    /// The files of documents by their folders, without the names of keys.
    private func places(_ scene: DocumentScene) throws -> String {
        let folder = "cut -d/ -f2-3 | sed 's|/[0-9a-f]*__.*||' | sort | tr '\\n' ' '"
        return try scene.shell("find data -type f -name 'p-1.p*' | \(folder)")
    }

    @Test func eachRollbackOfARollbackMovesTheFilesToo() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            let there = try places(scene)
            try scene.tool("rollback ocr_intake.1 --yes")
            let gone = try places(scene)
            #expect(gone != there)
            for number in 1...4 {
                let result = try scene.shell("\"$TOOL\" rollback rollback.\(number) --yes 2>&1")
                #expect(!result.contains("WARN"), "\(result)")
                #expect(try places(scene) == (number % 2 == 1 ? there : gone), "rollback.\(number)")
                let documents = try scene.sql("SELECT count(*) FROM ocr_documents")
                #expect(documents == (number % 2 == 1 ? "1" : "0"), "rollback.\(number)")
            }
            try scene.tool("rollback rollback.5 --yes")
            try scene.tool("rollback ocr_intake.1 --yes")
            #expect(try places(scene) == gone)
            try scene.tool("verify")
        }
    }

    @Test(arguments: ["document-purged", "purged-file-moved"])
    func aKilledPurgeIsCompletedAndCanBeTakenBack(place: String) throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            let there = try places(scene)
            try scene.shell("BATCHMGR_KILL_AT=\(place) \"$TOOL\" ocr purge p-1.png", code: 137)
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents") == "0")
            // The next intake finds it.
            try scene.tool("ocr discover")
            #expect(try scene.tool("status").contains("half done") == false)
            #expect(try places(scene) == "hold/purged hold/purged ")
            try scene.tool("rollback ocr_remove.1 --yes")
            #expect(try places(scene) == there)
            #expect(try scene.tool("ocr list").contains("p-1.pdf"))
            try scene.tool("verify")
        }
    }

    @Test func whatHasNoInputAnyMoreIsNotCorrected() throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --wait")
            try scene.tool("ocr archive move --to ../\(scene.folder.split(separator: "/").last ?? "")-away")
            let refused = try scene.shell("\"$TOOL\" ocr review correct p-1.png --word 3=9999 2>&1", code: 2)
            #expect(refused.contains("ERR_UX_WRONG_STATE: the input of p-1.png is not in "), "\(refused)")
            #expect(try scene.sql("SELECT state FROM ocr_documents") == "DONE")
            try scene.shell("mv ../*-away/* data/archive/ && rmdir ../*-away")
            try scene.tool("ocr review correct p-1.png --word 3=9999")
            #expect(try scene.shell("pdftotext data/out/p-1.pdf -").contains("9999"))
        }
    }

    @Test func aResetIntoAMissingFolderNamesIt() throws {
        try DocumentScene.with { scene in
            let refused = try scene.shell("\"$TOOL\" ocr reset --archive nothing/x.tar.zst 2>&1", code: 2)
            #expect(refused.contains("there is no folder nothing\n"), "\(refused)")
        }
    }
}
