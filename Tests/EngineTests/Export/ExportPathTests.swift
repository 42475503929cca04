import BatchCore
import BatchEngine
import Testing

@Suite struct ExportPathTests {
    let folder = StepFolder()
    let outside = StepFolder()

    private func export(to path: String, _ format: ExportFormat = .csv) throws {
        let source = ExportRows(columns: ["id"]) { nil }
        _ = try Export(to: path, in: folder.path, format: format).write(source, hash: .none)
    }

    @Test(
        "A path that leaves the workspace is refused",
        arguments: [
            "../out.csv", "a/../../out.csv", "a/../out.csv", "/tmp/out.csv", "", ".", "..", "a/", "a/..",
            "a\0/../b.csv",
        ])
    func leaves(path: String) throws {
        let error = #expect(throws: BatchError.self) { try export(to: path) }
        #expect(error?.code == .invalidParameter)
        #expect(folder.names.isEmpty)
    }

    @Test(
        "An export cannot replace a file that is not an export",
        arguments: ["app.db", "batchmgr.yaml", "catalog/job.yaml", "out", ".csv", "out.csv.bak", "out.json"])
    func otherEnding(path: String) {
        let error = #expect(throws: BatchError.self) { try export(to: path) }
        #expect(error?.code == .invalidParameter)
        #expect(error?.message.contains("does not end in .csv") == true)
    }

    @Test("A folder that is a symbolic link is refused, wherever it leads")
    func linkedFolder() {
        _ = folder.run(["mkdir", "real"])
        _ = folder.run(["ln", "-s", outside.path, "out"])
        _ = folder.run(["ln", "-s", outside.path, "real/deep"])
        for path in ["out/a.csv", "real/deep/a.csv", "real/deep/new/a.csv"] {
            let error = #expect(throws: BatchError.self) { try export(to: path) }
            #expect(error?.code == .invalidParameter)
        }
        #expect(outside.names.isEmpty)
    }

    @Test("A file that is a symbolic link is replaced, what it points at is not touched")
    func linkedFile() throws {
        outside.write("precious", to: "target.csv")
        _ = folder.run(["ln", "-s", outside.path + "/target.csv", "a.csv"])
        try export(to: "a.csv")
        #expect(outside.text("target.csv") == "precious")
        #expect(folder.text("a.csv") == "\"id\"\r\n")
    }

    @Test("A file where a folder should be, or a folder where the file should be, is an error")
    func wrongKind() {
        folder.write("x", to: "a")
        _ = folder.run(["mkdir", "b.csv"])
        #expect(throws: BatchError.self) { try export(to: "a/out.csv") }
        #expect(throws: BatchError.self) { try export(to: "b.csv") }
        #expect(folder.names == ["a", "b.csv"])
    }

    @Test("Endings are matched without regard to case", arguments: [("A.CSV", ExportFormat.csv), ("a.htm", .html)])
    func endings(path: String, format: ExportFormat) throws {
        try export(to: path, format)
        #expect(folder.names == [path])
    }
}
