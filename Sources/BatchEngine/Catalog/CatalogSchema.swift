public import BatchCore

/// What a job file looks like, for editors and for the documentation.
public enum CatalogSchema {
    /// The JSON Schema of a job file.
    /// - Parameter pluginNames: step kinds that the workspace adds.
    public static func document(pluginNames: [String] = []) -> JSONValue {
        SchemaText.document(JobKeys.table(plugins: pluginNames), title: "A job of batchmgr")
    }

    /// As it stands in `catalog/schema.json`.
    public static func text(pluginNames: [String] = []) -> String {
        JSONWriter.text(document(pluginNames: pluginNames), indented: true) + "\n"
    }

    /// Every key of a job file by its path, with its meaning.
    public static var keys: [(path: String, meaning: String)] { JobKeys.table(plugins: []).documentation }
}
