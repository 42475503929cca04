import BatchCatalog
import BatchCore
import BatchEngine
import Testing

@Suite struct CatalogFolderTests {
    private func job(_ id: String, needs: [String] = []) -> String {
        "id: \(id)\nversion: 1.0.0\nneeds: [\(needs.joined(separator: ", "))]\nsteps: [{id: s, sql: SELECT 1}]\n"
    }

    @Test func jobsAreFoundByNameAndOtherFilesAreLeftAlone() throws {
        let folder = try CatalogFolder([
            "z.yaml": job("alpha"), "a.yaml": job("zulu", needs: ["alpha"]), "contracts.yaml": "x: [", "slo.yaml": "x",
            "rules.yaml": "x", "runbooks/r.yaml": "x", "schema.json": "{}", ".hidden.yaml": "x", "notes.txt": "x",
        ])
        let catalog = try Catalog.load(folder: folder.path, StepRegistry.builtIn.rules(plugins: []))
        #expect(catalog.jobs.map(\.id) == ["alpha", "zulu"])
        #expect(try catalog.job(named: "zulu").needs == ["alpha"])
        #expect(catalog.file(of: "zulu") == folder.file("a.yaml"))
        #expect(catalog.file(of: "nothing") == nil)
    }

    @Test func anUnknownJobIsNamedWithTheOneThatWasMeant() throws {
        let folder = try CatalogFolder(["a.yaml": job("reprice_invoices")])
        let catalog = try Catalog.load(folder: folder.path, StepRegistry.builtIn.rules(plugins: []))
        #expect(
            throws: BatchError(
                .unknownJob, "no job is called 'reprice_invoice'; did you mean 'reprice_invoices'?",
                hint: "see the jobs: \(command: "catalog list")")
        ) { try catalog.job(named: "reprice_invoice") }
    }

    @Test func aFolderThatDoesNotExistIsAnEmptyCatalog() throws {
        let folder = try CatalogFolder()
        let catalog = try Catalog.load(folder: folder.file("catalog"), StepRegistry.builtIn.rules(plugins: []))
        #expect(catalog.jobs.isEmpty)
        let error = try #require(throws: BatchError.self) { try catalog.job(named: "a") }
        #expect(error.message == "no job is called 'a'; there are no jobs in \(folder.file("catalog"))")
    }

    @Test func aFileWithMistakesStopsItsOwnJobAndThoseThatNeedIt() throws {
        let folder = try CatalogFolder([
            "a.yaml": "id: a\n", "b.yaml": job("b", needs: ["a"]), "c.yaml": job("c"), "draft.yaml": "x: [",
            "e.yml": job("e", needs: ["b"]), "f.yaml": job("f", needs: ["nothing"]),
        ])
        let catalog = try Catalog.load(folder: folder.path, StepRegistry.builtIn.rules(plugins: []))
        #expect(try catalog.job(named: "c").id == "c")
        #expect(catalog.jobs.map(\.id) == ["b", "c", "e"])
        #expect(catalog.broken.map(\.file) == ["a.yaml", "draft.yaml", "f.yaml"].map(folder.file))
        #expect(catalog.broken.map(\.id) == ["a", nil, "f"])
        for (name, place) in [
            ("a", "a.yaml:1:1: "), ("b", "a.yaml:1:1: "), ("e", "a.yaml:1:1: "), ("draft", "draft.yaml:2:1: "),
            ("f", "f.yaml:3:9: no job is called 'nothing'"),
        ] {
            let error = try #require(throws: BatchError.self) { _ = try catalog.job(named: name) }
            #expect(error.code == .invalidCatalog)
            #expect(error.message.contains(folder.file(place)), "\(error.message)")
        }
    }

    @Test func mistakesOfAllFilesAreToldTogether() throws {
        let folder = try CatalogFolder(["a.yaml": "id: a\n", "b.yml": job("b", needs: ["a", "c"]), "d.yaml": "x: ["])
        let found = try Catalog.diagnostics(folder: folder.path, StepRegistry.builtIn.rules(plugins: []))
        // The job of a.yaml is there, if only with mistakes.
        #expect(found.map(\.file) == ["a.yaml", "a.yaml", "b.yml", "d.yaml"].map(folder.file))
        #expect(found[2].message == "no job is called 'c'")
    }

    @Test func theNamesOfStepsThatAPluginCannotHaveAreThoseOfTheTool() {
        #expect(StepRegistry.builtIn.rules().reservedNames == CatalogRules.ownNames)
    }

    @Test func aJobCanBeThereOnlyOnce() throws {
        let folder = try CatalogFolder(["a.yaml": job("same"), "b.yaml": job("same")])
        let found = try Catalog.diagnostics(folder: folder.path, StepRegistry.builtIn.rules(plugins: []))
        #expect(found.map(\.message) == ["\(folder.file("a.yaml")) already holds a job 'same'"])
        #expect(found.map { "\($0.file):\($0.line):\($0.column)" } == [folder.file("b.yaml:1:5")])
    }

    @Test(
        arguments: [
            (["a": ["b"], "b": ["a"]], ["a → b → a"]),
            (["a": ["b"], "b": ["c"], "c": ["b"]], ["b → c → b"]),
            (["a": ["a"], "b": ["c"], "c": ["d"], "d": ["b"]], ["a → a", "b → c → d → b"]),
            (["a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []], []),
        ] as [([String: [String]], [String])])
    func aCircleOfNeedsIsShownAsAPath(needs: [String: [String]], circles: [String]) throws {
        var files: [String: String] = [:]
        for (id, names) in needs { files["\(id).yaml"] = job(id, needs: names) }
        let folder = try CatalogFolder(files)
        let found = try Catalog.diagnostics(folder: folder.path, StepRegistry.builtIn.rules(plugins: [])).map(\.message)
        #expect(found == circles.map { "the jobs need each other: \($0)" })
    }

    @Test func aLongChainOfNeedsIsFollowedToItsEnd() throws {
        var files: [String: String] = [:]
        for index in 0..<2_000 { files["j\(index).yaml"] = job("j\(index)", needs: ["j\((index + 1) % 2_000)"]) }
        let folder = try CatalogFolder(files)
        let found = try Catalog.diagnostics(folder: folder.path, StepRegistry.builtIn.rules(plugins: []))
        #expect(found.count == 1)
        #expect(found.first?.message.hasPrefix("the jobs need each other: j0 → j1 → j2 → ") == true)
    }

    @Test func theShippedJobsAreValid() throws {
        let catalog = try Catalog.load(
            folder: CatalogProject.folder + "/catalog", StepRegistry.builtIn.rules(plugins: []))
        #expect(catalog.jobs.count >= 6)
        #expect(try catalog.job(named: "add_late_fees").needs == ["reprice_invoices"])
        for job in catalog.jobs {
            #expect(catalog.file(of: job.id)?.hasSuffix("catalog/\(job.id).yaml") == true)
            #expect(!job.description.isEmpty)
        }
    }
}

enum CatalogProject {
    /// The package's own folder.
    static let folder: String = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
}
