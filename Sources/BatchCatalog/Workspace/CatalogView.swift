public import BatchCore

extension Workspace {
    /// `catalog validate`: how many files were read, every mistake in them, and the jobs without any.
    /// - Parameter files: only these; they need not be in the catalog. None for the whole catalog.
    /// - Throws: `ERR_UX_FILE_MISSING`; `ERR_UX_USAGE` when there is no catalog and no file is given.
    public func validateCatalog(
        files: [String] = [], _ rules: CatalogRules
    ) throws(BatchError) -> (files: Int, mistakes: [Diagnostic], jobs: [JobDefinition]) {
        let rules = own(rules)
        guard !files.isEmpty else {
            guard let catalog else {
                throw BatchError(
                    .usage, "a database given with --db has no catalog",
                    hint: "name files: \(command: "catalog validate FILE")")
            }
            let all = try FolderText.names(in: catalog).count(where: Catalog.isJobFile)
            let loaded = try Catalog.load(folder: catalog, rules)
            let mistakes = try loaded.broken.flatMap(\.mistakes) + Catalog.mistakesBesideJobs(folder: catalog)
            return (all, mistakes, loaded.jobs)
        }
        let known = try catalog.map { (folder) throws(BatchError) in try Catalog.load(folder: folder, rules) }
        var mistakes: [Diagnostic] = []
        var jobs: [JobDefinition] = []
        for file in files {
            guard let path = FolderText.resolved(file) else {
                throw BatchError(
                    .fileMissing, "there is no file \(file)", hint: "see the catalog: \(command: "catalog list")")
            }
            if let catalog, FolderText.parent(path) == FolderText.resolved(catalog) {
                mistakes += (known?.broken ?? []).flatMap(\.mistakes).filter { FolderText.resolved($0.file) == path }
                jobs += (known?.jobs ?? []).filter { known?.file(of: $0.id).flatMap(FolderText.resolved) == path }
            } else {
                let (found, job) = try outside(file, rules)
                mistakes += found
                jobs += found.isEmpty ? [job].compactMap { $0 } : []
            }
        }
        return (files.count, mistakes, jobs)
    }

    private func outside(
        _ file: String, _ rules: CatalogRules
    ) throws(BatchError) -> (mistakes: [Diagnostic], job: JobDefinition?) {
        switch try FolderText.read(file, limit: YAMLDocument.largestSize) {
        case .text(let text):
            let outcome = JobReader.read(text: text, file: file, rules)
            return (outcome.source.diagnostics, outcome.definition)
        case .unreadable(let mark, let message):
            var source = SourceText(file: file, text: "", code: .invalidCatalog)
            source.report(mark, message)
            return (source.diagnostics, nil)
        }
    }
}
