public import BatchCore

/// A value that stands in `batchmgr.yaml`, with its place.
public struct WrittenSetting: Hashable, Sendable {
    /// `http.port`, `databases.main.path`, `notify.0.exec`
    public let name: String
    public let value: String
    /// Counted from 1.
    public let line: Int

    /// All values of a text, in its order.
    /// - Throws: `ERR_UX_INVALID_CONFIGURATION` when it is no YAML.
    public static func read(_ text: String) throws(BatchError) -> [WrittenSetting] {
        do throws(YAMLNode.Fault) {
            var found: [WrittenSetting] = []
            append(try YAMLDocument.read(text), named: "", line: 1, to: &found)
            return found
        } catch {
            throw BatchError(
                .invalidConfiguration, "\(Workspace.fileName) line \(error.mark.line): \(error.message)",
                hint: "correct it; its keys are in docs/configuration.md")
        }
    }

    private static func append(_ node: YAMLNode, named name: String, line: Int, to found: inout [WrittenSetting]) {
        func inner(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }
        for entry in node.entries { append(entry.value, named: inner(entry.key), line: entry.mark.line, to: &found) }
        for (place, element) in node.elements.enumerated() {
            append(element, named: inner("\(place)"), line: element.start.line, to: &found)
        }
        if let text = node.text { found.append(WrittenSetting(name: name, value: text, line: line)) }
    }
}
