import BatchCore
import TestSupport
import Testing

/// Files that were here already: each is decided about by its own name, and none is forgotten when the first one goes.
@Suite struct HeldFileTests {
    private func scene(_ body: (DocumentScene) throws -> Void) throws {
        try DocumentScene.with { scene in
            try scene.pictures("p", ["Only one page"])
            try scene.shell("mv p-1.png one.png; cp one.png two.png; cp one.png three.png")
            try scene.tool("ocr add one.png --wait -q")
            try body(scene)
        }
    }

    private func held(_ scene: DocumentScene) throws -> [String] {
        (try scene.json("ocr list --state DUPLICATE_PENDING")["jobs"]?.array ?? []).compactMap { $0["name"]?.string }
    }

    // MARK: Decisions

    @Test func eachHeldFileIsDecidedAboutByTheNameThatIsListed() throws {
        try scene { scene in
            for name in ["two.png", "three.png", "one.png"] { try scene.tool("ocr add \(name) --wait -q", code: 1) }
            #expect(try held(scene) == ["one.png", "three.png", "two.png"])
            try scene.tool("ocr decide two.png --action discard")
            #expect(try held(scene) == ["one.png", "three.png"])
            // The document has this name too: the file that waits is meant.
            try scene.tool("ocr decide one.png --action reuse")
            #expect(try held(scene) == ["three.png"])
            #expect(try scene.sql("SELECT count(*) FROM ocr_documents") == "1")
            try scene.tool("ocr decide three.png --action reprocess")
            #expect(try held(scene) == [])
            #expect(
                try scene.sql("SELECT group_concat(name || state, ' ') FROM ocr_documents")
                    == "one.pngDONE three.pngDONE")
            #expect(try scene.shell("ls data/hold/duplicates; ls data/archive/*/*.png | wc -l") == "2\n")
        }
    }

    /// The name that `ocr add` shows is the one that can be typed, also when a file of that name is held already.
    @Test func theNameThatIsShownIsTheOneThatCanBeTyped() throws {
        try scene { scene in
            try scene.tool("ocr add two.png --wait -q", code: 1)
            let second = try scene.json("ocr add two.png --wait", code: 1)["jobs"]?.array?.first?["name"]?.string
            #expect(second == "2-two.png")
            #expect(try held(scene) == ["2-two.png", "two.png"])
            try scene.tool("ocr decide 2-two.png --action discard")
            #expect(try held(scene) == ["two.png"])
        }
    }

    /// By the document all that are held for it are decided about.
    @Test func aDocumentStandsForAllThatIsHeldForIt() throws {
        try scene { scene in
            for name in ["two.png", "three.png"] { try scene.tool("ocr add \(name) --wait -q", code: 1) }
            try scene.tool("ocr decide one.png --action discard")
            #expect(try held(scene) == [])
        }
    }

    @Test func aNameThatSaysTooLittleLeadsOn() throws {
        try scene { scene in
            try scene.pictures("q", ["Another page"])
            try scene.shell("mkdir other; cp q-1.png other/two.png")
            try scene.tool("ocr add q-1.png --wait -q")
            for file in ["two.png", "other/two.png"] { try scene.tool("ocr add \(file) --wait -q", code: 1) }
            let told = try scene.shell("\"$TOOL\" ocr decide two.png --action discard 2>&1", code: 2)
            #expect(told.contains("'two.png' is the name of 2 files that wait for a decision"), "\(told)")
            // What the hint says can be pasted.
            let hint = try #require(told.split(separator: "\n").last?.firstRange(of: "ocr decide"))
            let words = told.split(separator: "\n").last.map { String($0[hint.lowerBound...]) } ?? ""
            try scene.tool(words)
            #expect(try held(scene) == ["two.png"])
            try scene.tool("ocr decide two.png --action discard")
            let unknown = try scene.shell("\"$TOOL\" ocr decide to.png --action discard 2>&1; true")
            #expect(unknown.contains("ocr list --state DUPLICATE_PENDING"), "\(unknown)")
        }
    }

    // MARK: The first file goes

    @Test func aHeldFileComesInWhenTheFirstOneIsTakenBack() throws {
        try scene { scene in
            try scene.tool("ocr add two.png --wait -q", code: 1)
            try scene.tool("rollback ocr_intake.1 --yes -q")
            let waiting = try scene.json("ocr list")["jobs"]?.array ?? []
            #expect(waiting.compactMap { $0["name"]?.string } == ["two.png"])
            let told = try scene.shell("\"$TOOL\" ocr decide two.png --action discard 2>&1; true")
            #expect(told.contains("comes in with the next intake") && told.contains("ocr discover"), "\(told)")
            try scene.tool("ocr discover -q")
            #expect(try scene.sql("SELECT name, state, batch FROM ocr_documents") == "two.png|DONE|ocr_intake.3")
            #expect(try scene.shell("ls data/hold/duplicates; ls data/archive/*/; ls data/out") == "two.png\ntwo.pdf\n")
        }
    }

    /// Nothing is moved until an intake takes it: undoing the rollback brings back what was.
    @Test func aHeldFileWaitsAgainWhenTheRollbackIsTakenBack() throws {
        try scene { scene in
            try scene.tool("ocr add two.png --wait -q", code: 1)
            let files = "find data/hold data/archive data/out -type f ! -name '*.json' | sort"
            let before = try scene.shell(files)
            try scene.tool("rollback ocr_intake.1 --yes -q")
            try scene.tool("rollback rollback.1 --yes -q")
            #expect(try scene.shell(files) == before)
            #expect(try held(scene) == ["two.png"])
        }
    }

    @Test func aServiceTakesItByItself() throws {
        try scene { scene in
            try scene.tool("ocr add two.png --wait -q", code: 1)
            try scene.tool("rollback ocr_intake.1 --yes -q")
            let made = try scene.shell(
                """
                "$TOOL" serve --no-http -q & service=$!
                for n in $(seq 400); do [ -e data/out/two.pdf ] && break; sleep 0.1; done
                ls data/out data/hold/duplicates; kill $service; wait $service
                """)
            #expect(made == "data/hold/duplicates:\n\ndata/out:\ntwo.pdf\n", "\(made)")
        }
    }

    /// Also when it was read again before, or what is decided stands in a file.
    @Test func aFileIsReadAgainByTheProfileOfTheFirst() throws {
        try DocumentScene.with { scene in
            try scene.write("catalog/ocr_profiles.yaml", "other: {psm: 11}\n")
            try scene.pictures("p", ["Only one page"])
            try scene.tool("ocr add p-1.png --profile other --wait")
            for name in ["two.png", "three.png"] {
                try scene.shell("cp p-1.png \(name)")
                try scene.tool("ocr add \(name) --profile other --wait", code: 1)
            }
            try scene.tool("ocr decide two.png --action reprocess")
            try scene.shell("cd data/hold/duplicates/* && echo '{\"action\": \"FORCE_REPROCESS\"}' >decision.json")
            try scene.tool("ocr discover")
            let modes = "SELECT state, json_extract(profile, '$.psm'), count(*) FROM ocr_documents GROUP BY 1, 2"
            #expect(try scene.sql(modes) == "DONE|11|3")
        }
    }
}
