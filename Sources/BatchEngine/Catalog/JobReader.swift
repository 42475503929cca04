internal import BatchCore

/// Reads the text of one job file.
///
/// Reading goes on after a mistake, so that all of them are found at once; a definition comes out only when there
/// are none.
enum JobReader {
    /// What a file gives to the catalog, also when it holds mistakes.
    struct Outcome {
        let definition: JobDefinition?
        var source: SourceText
        /// Nil when there is none that could be read.
        let id: String?
        let idNode: YAMLNode?
        let needs: [YAMLNode]
    }

    static func read(text: String, file: String, keys: KeyTable) -> Outcome {
        var source = SourceText(file: file, text: text, code: .invalidCatalog)
        let root: YAMLNode
        do throws(YAMLFault) {
            root = try YAMLDocument.read(text)
        } catch {
            source.report(error)
            return Outcome(definition: nil, source: source, id: nil, idNode: nil, needs: [])
        }
        var check = ShapeCheck(source)
        check.check(root, .record(keys), what: "a job")
        var meaning = MeaningCheck(check.source)
        meaning.check(root)
        source = meaning.source
        let definition = source.diagnostics.isEmpty ? JobNodes.definition(root, text: text) : nil
        return Outcome(
            definition: definition, source: source, id: root["id"]?.text, idNode: root["id"],
            needs: root["needs"]?.elements ?? [])
    }
}
