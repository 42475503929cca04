public import BatchCore

/// The jobs of a folder, checked together. A file with mistakes stops its own job and those that need it, no others.
public struct Catalog: Sendable {
    /// Those without mistakes, by name.
    public let jobs: [JobDefinition]
    /// Files with mistakes, by name.
    public let broken: [BrokenFile]
    private let files: [String: String]
    private let folder: String?

    /// A file that gives no job.
    public struct BrokenFile: Sendable {
        /// As the user would write it.
        public let file: String
        /// Of the job, where it can be read.
        public let id: String?
        public let mistakes: [Diagnostic]
    }

    /// Without any job, as for a database given alone.
    public static let empty = Catalog([], folder: nil)

    /// Files in the catalog folder that hold something else than a job.
    private static let otherFiles = [
        "contracts", "slo", "rules", "mapping", "modules", "flags", "circuits", "ocr_profiles", "ocr_fields",
        "review",
    ]

    /// Reads `*.yaml` and `*.yml` in `folder`, not in folders below it. A folder that does not exist is an empty catalog.
    /// - Throws: `ERR_INTEGRATION_FILE` when a file cannot be read.
    public static func load(folder: String, _ rules: CatalogRules) throws(BatchError) -> Catalog {
        Catalog(try read(folder, rules), folder: folder)
    }

    /// Every mistake in the folder, by file and place; empty when the catalog is valid.
    /// - Throws: `ERR_INTEGRATION_FILE` when a file cannot be read.
    public static func diagnostics(folder: String, _ rules: CatalogRules) throws(BatchError) -> [Diagnostic] {
        try read(folder, rules).flatMap(\.source.diagnostics) + mistakesBesideJobs(folder: folder)
    }

    /// Those of the files that hold no job.
    static func mistakesBesideJobs(folder: String) throws(BatchError) -> [Diagnostic] {
        try ModuleList.load(folder: folder).mistakes + ContractList.load(folder: folder).mistakes
            + RuleList.load(folder: folder).mistakes + CircuitList.load(folder: folder).mistakes
            + RunbookList.load(folder: folder).mistakes + ReviewRules.load(folder: folder).mistakes
            + ProfileList.load(folder: folder).mistakes + FieldRules.load(folder: folder).mistakes
            + ServicePromises.load(folder: folder).mistakes
    }

    private static func read(_ folder: String, _ rules: CatalogRules) throws(BatchError) -> [JobReader.Outcome] {
        var outcomes: [JobReader.Outcome] = []
        let mapping = try mapping(in: folder)
        if !mapping.mistakes.diagnostics.isEmpty {
            outcomes.append(.init(definition: nil, source: mapping.mistakes, id: nil, idNode: nil, needs: []))
        }
        for name in try FolderText.names(in: folder) where isJobFile(name) {
            let path = FolderText.join(folder, name)
            let shown = FolderText.shown(path)
            switch try FolderText.read(path, limit: YAMLDocument.largestSize) {
            case .text(let text):
                outcomes.append(JobReader.read(text: text, file: shown, rules, mapping.mapping))
            case .unreadable(let mark, let message):
                var source = SourceText(file: shown, text: "", code: .invalidCatalog)
                source.report(mark, message)
                outcomes.append(JobReader.Outcome(definition: nil, source: source, id: nil, idNode: nil, needs: []))
            }
        }
        var needs = NeedsValidation(outcomes)
        needs.check()
        return needs.outcomes
    }

    /// What `mapping.yaml` says; empty when there is none.
    static func mapping(in folder: String) throws(BatchError) -> (mapping: Mapping, mistakes: SourceText) {
        for name in MappingReader.fileNames {
            let path = FolderText.join(folder, name)
            guard FolderText.exists(path) else { continue }
            switch try FolderText.read(path, limit: YAMLDocument.largestSize) {
            case .text(let text):
                let read = MappingReader.read(text: text, file: FolderText.shown(path))
                return (read.mapping, read.source)
            case .unreadable(let mark, let message):
                var source = SourceText(file: FolderText.shown(path), text: "", code: .invalidCatalog)
                source.report(mark, message)
                return (Mapping(isBroken: true), source)
            }
        }
        return (Mapping(), SourceText(file: "", text: "", code: .invalidCatalog))
    }

    static func isJobFile(_ name: String) -> Bool {
        guard let ending = [".yaml", ".yml"].first(where: name.hasSuffix) else { return false }
        return !name.hasPrefix(".") && !otherFiles.contains(String(name.dropLast(ending.count)))
    }

    private init(_ outcomes: [JobReader.Outcome], folder: String?) {
        let good = outcomes.filter(\.source.diagnostics.isEmpty)
        let pairs = good.compactMap { outcome in outcome.definition.map { ($0, outcome.source.file) } }
        jobs = pairs.map(\.0).sorted { $0.id < $1.id }
        files = Dictionary(pairs.map { ($0.0.id, $0.1) }) { first, _ in first }
        broken = outcomes.filter { !$0.source.diagnostics.isEmpty }
            .map { BrokenFile(file: $0.source.file, id: $0.id, mistakes: $0.source.diagnostics) }
        self.folder = folder
    }

    /// The job of that name, when its file and those of the jobs that it needs are in order.
    /// - Throws: `ERR_UX_INVALID_CATALOG` with the mistakes of these files; `ERR_UX_UNKNOWN_JOB`, with the name that was
    ///   probably meant.
    public func job(named name: String) throws(BatchError) -> JobDefinition {
        let hint: Hint = "correct them, then: \(command: "catalog validate")"
        var mistakes: [Diagnostic] = []
        var (open, seen) = ([name], Set([name]))
        while let next = open.popLast() {
            mistakes += broken.filter { $0.id == next }.flatMap(\.mistakes)
            let needed = jobs.first { $0.id == next }?.needs ?? []
            open += needed.filter { seen.insert($0).inserted }
        }
        if let error = Diagnostic.error(mistakes, .invalidCatalog, hint: hint) { throw error }
        if let job = jobs.first(where: { $0.id == name }) { return job }
        // The name of a file that is not YAML tells which job it was meant to be.
        let meantFiles = broken.filter { FolderText.stem(of: $0.file) == name }
        if let error = Diagnostic.error(meantFiles.flatMap(\.mistakes), .invalidCatalog, hint: hint) {
            throw error
        }
        let place = folder.map { " in \(FolderText.shown($0))" } ?? ""
        let meant = jobs.isEmpty ? "; there are no jobs\(place)" : Suggestion.clause(for: name, in: jobs.map(\.id))
        throw BatchError(
            .unknownJob, "no job is called '\(name)'\(meant)", hint: "see the jobs: \(command: "catalog list")")
    }

    /// The file that a job was read from, as the user would write it.
    public func file(of name: String) -> String? { files[name] }
}

/// Holds `needs` of all jobs together: names that are there, and no circles.
struct NeedsValidation {
    private(set) var outcomes: [JobReader.Outcome]

    init(_ outcomes: [JobReader.Outcome]) { self.outcomes = outcomes }

    mutating func check() {
        checkRepeatedIDs()
        let names = outcomes.compactMap(\.id)
        for index in outcomes.indices {
            for need in outcomes[index].needs {
                guard let name = need.text, JobID.isValid(name), !names.contains(name) else { continue }
                let meant = Suggestion.clause(for: name, in: names)
                outcomes[index].source.report(need, "no job is called '\(name)'\(meant)")
            }
        }
        checkCircles()
    }

    private mutating func checkRepeatedIDs() {
        var files: [String: String] = [:]
        for index in outcomes.indices {
            guard let id = outcomes[index].id, let node = outcomes[index].idNode else { continue }
            if let file = files[id] {
                outcomes[index].source.report(node, "\(file) already holds a job '\(id)'")
            } else {
                files[id] = outcomes[index].source.file
            }
        }
    }

    // MARK: Circles

    private enum Visit {
        case open
        case done
    }

    /// Each job is visited once, so each circle is told once, at the entry that closes it.
    private mutating func checkCircles() {
        var indices: [String: Int] = [:]
        for (index, outcome) in outcomes.enumerated() {
            guard let id = outcome.id, indices[id] == nil else { continue }
            indices[id] = index
        }
        var visits: [String: Visit] = [:]
        for id in outcomes.compactMap(\.id) where visits[id] == nil { visit(id, indices, &visits) }
    }

    /// Without recursion: a chain of thousands of jobs must not exhaust the stack.
    private mutating func visit(_ root: String, _ indices: [String: Int], _ visits: inout [String: Visit]) {
        var path: [(id: String, next: Int)] = [(root, 0)]
        visits[root] = .open
        while let (id, next) = path.last {
            guard let index = indices[id], next < outcomes[index].needs.count else {
                visits[id] = .done
                path.removeLast()
                continue
            }
            path[path.count - 1].next += 1
            let need = outcomes[index].needs[next]
            guard let name = need.text, indices[name] != nil else { continue }
            switch visits[name] {
            case .done: break
            case nil:
                visits[name] = .open
                path.append((name, 0))
            case .open:
                let circle = path.map(\.id).drop { $0 != name } + [name]
                outcomes[index].source.report(need, "the jobs need each other: \(circle.joined(separator: " → "))")
            }
        }
    }
}
