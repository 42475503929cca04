internal import BatchCore

/// One of the files of a catalog that hold no job: `modules.yaml`, `rules.yaml`, …, by names of the user's choice.
struct HealingFile {
    /// By the names in the file; none when something is wrong with it.
    private(set) var entries: [YAMLNode.Entry] = []
    private(set) var source = SourceText(file: "", text: "", code: .invalidCatalog)

    /// - Parameters:
    ///   - stem: the name of the file, without its ending.
    ///   - mapping: what `{concept.field}` stands for, where the file may use it.
    /// - Throws: `ERR_INTEGRATION_FILE` when the file cannot be read.
    init(
        folder: String, stem: String, _ keys: KeyTable, _ mapping: Mapping? = nil,
        also check: (YAMLNode.Entry, inout SourceText) -> Void = { _, _ in }
    ) throws(BatchError) {
        for name in ["\(stem).yaml", "\(stem).yml"] {
            let path = FolderText.join(folder, name)
            guard FolderText.exists(path) else { continue }
            try read(path, .entries(.jobName, .record(keys)), what: name, mapping)
            for entry in entries { check(entry, &source) }
            break
        }
        if !source.diagnostics.isEmpty { entries = [] }
    }

    /// One whole document.
    init(path: String, _ keys: KeyTable) throws(BatchError) {
        try read(path, .record(keys), what: keys.title, nil)
        if !source.diagnostics.isEmpty { entries = [] }
    }

    private mutating func read(
        _ path: String, _ shape: ValueShape, what: String, _ mapping: Mapping?
    ) throws(BatchError) {
        switch try FolderText.read(path, limit: YAMLDocument.largestSize) {
        case .unreadable(let mark, let message):
            source = SourceText(file: FolderText.shown(path), text: "", code: .invalidCatalog)
            source.report(mark, message)
        case .text(let typed):
            let (text, unknown) = mapping?.fill(typed) ?? (typed, [])
            source = SourceText(file: FolderText.shown(path), text: typed, code: .invalidCatalog)
            source.report(unknown, in: typed, mapping)
            do throws(YAMLNode.Fault) {
                let root = try YAMLDocument.read(text)
                var validation = ShapeValidation(source)
                validation.check(root, shape, what: what)
                source = validation.source
                entries = root.entries
            } catch {
                source.report(error)
            }
        }
    }
}
