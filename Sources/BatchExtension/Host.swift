internal import BatchCore
internal import BatchLedger

/// One connection of a host, with the batch that is open on it.
///
/// SQLite calls in here under the mutex of the connection, and frees this with the last function of the connection.
final class Host {
    let connection: Connection

    init(_ database: OpaquePointer) { connection = Connection(borrowing: database) }
}
