public import BatchCore

extension Workspace {
    /// `catalog validate`: how many files were read, and every mistake in them.
    /// - Parameter files: only these; they need not be in the catalog. None for the whole catalog.
    /// - Throws: `ERR_UX_FILE_MISSING`; `ERR_UX_USAGE` when there is no catalog and no file is given.
    public func validateCatalog(
        files: [String] = [], _ rules: CatalogRules
    ) throws(BatchError) -> (files: Int, mistakes: [Diagnostic]) {
        let rules = own(rules)
        guard !files.isEmpty else {
            guard let catalog else {
                throw BatchError(
                    .usage, "a database given with --db has no catalog",
                    hint: "name files: \(command: "catalog validate FILE")")
            }
            let all = try FolderText.names(in: catalog).count(where: Catalog.isJobFile)
            return (all, try Catalog.diagnostics(folder: catalog, rules))
        }
        let known = try catalog.map { (folder) throws(BatchError) in
            try Catalog.diagnostics(folder: folder, rules)
        }
        var mistakes: [Diagnostic] = []
        for file in files {
            guard let path = FolderText.resolved(file) else {
                throw BatchError(
                    .fileMissing, "there is no file \(file)", hint: "see the catalog: \(command: "catalog list")")
            }
            if let catalog, FolderText.parent(path) == FolderText.resolved(catalog) {
                mistakes += (known ?? []).filter { FolderText.resolved($0.file) == path }
            } else {
                mistakes += try mistakesOutside(file, rules)
            }
        }
        return (files.count, mistakes)
    }

    private func mistakesOutside(_ file: String, _ rules: CatalogRules) throws(BatchError) -> [Diagnostic] {
        switch try FolderText.read(file, limit: YAMLDocument.largestSize) {
        case .text(let text):
            return JobReader.read(text: text, file: file, rules).source.diagnostics
        case .unreadable(let mark, let message):
            var source = SourceText(file: file, text: "", code: .invalidCatalog)
            source.report(mark, message)
            return source.diagnostics
        }
    }
}
