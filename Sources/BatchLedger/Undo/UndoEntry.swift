internal import BatchCore

/// The parts of one entry of the undo log. Its first byte is operation and flags; then come
///
/// - the number of the table, when it is another than that of the entry before (`Flag.table`);
/// - for the definition of tables (`schema`): a length and the encoded `SchemaChange`;
/// - the key: for rowid tables the rowid after the change as a difference to the last one of this table in the block,
///   and with `Flag.key` the rowid before it as a difference to the rowid after; for WITHOUT ROWID tables the key
///   values after the change (not for DELETE, whose image holds them) — with `Flag.key` the image holds the old ones;
/// - the image before: for DELETE all stored columns, for UPDATE a bit mask of changed columns and their values;
/// - for INSERT and UPDATE the low half of the hash of the row as it was left.
enum UndoEntry {
    enum Operation: UInt8 {
        case insert = 0
        case update = 1
        case delete = 2
        case schema = 3
    }

    enum Flag {
        static let operations: UInt8 = 3
        static let key: UInt8 = 4
        static let table: UInt8 = 8
    }
}
