/// What `batchmgr.yaml` may hold, for the documentation.
public enum ConfigurationKeys {
    /// Every key by its path, with its meaning.
    public static var keys: [(path: String, meaning: String)] { WorkspaceKeys.table.documentation }
}
