/// A compressed run of undo log entries.
struct UndoBlock {
    /// Entries are numbered through a checkpoint in the order of execution.
    let entries: Int
    /// Bytes before compression.
    let size: Int
    /// XXH3 of the compressed bytes.
    let checksum: UInt64
    let data: [UInt8]
}
