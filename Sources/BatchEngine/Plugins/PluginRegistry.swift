public import BatchCore

/// The plugins that a workspace declares, checked before anything runs or is rolled back.
public struct PluginRegistry: Sendable {
    private let plugins: [String: Plugin]

    /// - Parameters:
    ///   - declarations: `plugins:` of `batchmgr.yaml`, in its order.
    ///   - reserved: the built-in kinds of steps, which no plugin may take over.
    ///   - folder: the workspace.
    /// - Throws: `ERR_INTEGRATION_PLUGIN_DUPLICATE` for a name declared twice or reserved.
    public init(
        _ declarations: [(name: String, path: String)], reserved: Set<String> = [], folder: String
    ) throws(BatchError) {
        var plugins: [String: Plugin] = [:]
        for (name, path) in declarations {
            guard !reserved.contains(name) else {
                throw BatchError(
                    .pluginDuplicate, "plugin '\(name)' has the name of a built-in kind of step",
                    hint: "give it another name under 'plugins:' in batchmgr.yaml")
            }
            guard plugins[name] == nil else {
                throw BatchError(
                    .pluginDuplicate, "plugin '\(name)' is declared twice",
                    hint: "remove one of them under 'plugins:' in batchmgr.yaml")
            }
            plugins[name] = Plugin(name: name, path: path, folder: folder)
        }
        self.plugins = plugins
    }

    public var names: [String] { plugins.keys.sorted() }

    /// - Throws: `ERR_INTEGRATION_PLUGIN_MISSING` when none of that name is declared.
    public func plugin(_ name: String) throws(BatchError) -> Plugin {
        guard let plugin = plugins[name] else {
            throw BatchError(
                .pluginMissing, "there is no plugin '\(PlainText.oneLine(name))'",
                hint: "declare it in batchmgr.yaml: plugins: {\(PlainText.oneLine(name)): PATH}")
        }
        return plugin
    }

    /// Checks all that a batch, or its rollback, will need, before anything changes.
    /// - Throws: `ERR_INTEGRATION_PLUGIN_MISSING` for the first that is not declared or not a program.
    public func require(_ names: some Sequence<String>) throws(BatchError) {
        for name in names { try plugin(name).requireProgram() }
    }
}
