internal import CSQLite

/// Settings of SQLite for a whole process that is ours.
public enum SQLiteProcess {
    /// Call it before the first connection is opened. A host of the extension makes its own choice.
    public static func prepare() {
        csqlite_forget_memory_statistics()
    }
}
