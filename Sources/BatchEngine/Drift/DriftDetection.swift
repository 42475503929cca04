internal import BatchControl
internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// Looks for changes that no batch made.
struct DriftDetection {
    /// Databases up to this size are read whole before every batch: it takes milliseconds.
    static let smallDatabase: Int64 = 16 << 20

    let session: Session

    /// The state of the database when it is not the one that the ledger remembers; nil when nothing drifted.
    ///
    /// The schema is compared always. The rows are compared when the file looks different from outside than after our
    /// last command, or is small.
    func look() throws(BatchError) -> StateDigest? {
        guard let known = try session.ledger.state() else { return nil }
        if try SchemaReader(session.connection).digest() == known.schema, try looksUntouched() { return nil }
        if let drift = try DriftSearch(session: session).tracked(known) {
            return drift.state.combined == known.combined ? nil : drift.state
        }
        let start = session.context.clock.now()
        session.context.phase("looking for changes outside any batch")
        let now = try StateDigest.compute(session.connection)
        sayWhySlow(session.context.clock.now() - start)
        return now.combined == known.combined ? nil : now
    }

    /// Every batch after a write of others takes as long, and it need not. A command that was killed looks the same.
    private func sayWhySlow(_ time: Int64) {
        guard time >= 500, DriftDetection.smallDatabase <= DatabaseFile(session.path).size else { return }
        session.context.warn(
            Warning(
                .wholeScan,
                "the file has changed since the last command finished, so all its rows were read: \(time) ms"),
            "to record what other programs write as they write it: \(command: "guard set --mode track")")
    }

    /// True when the rows of a large database need not be read to know that they are as the ledger remembers them.
    func isKnownUntouched() -> Bool { (try? looksUntouched()) ?? false }

    private func looksUntouched() throws(BatchError) -> Bool {
        let file = DatabaseFile(session.path)
        if file.size < DriftDetection.smallDatabase { return false }
        // Since the lease was taken the file has changed for that.
        if session.hasTurn { return session.untouchedSince == session.connection.dataVersion }
        guard let id = try session.databaseID, let last = try session.control().fingerprint(of: id) else {
            return false
        }
        return FileFingerprint(path: session.path).read(at: session.context.now().milliseconds) == last
    }

    /// Notes how the file looks when all of our writing is done: in a turn, when the lease was given back.
    /// - Parameter version: `Connection.dataVersion` after our last commit.
    func remember(version: Int64) {
        session.settledAt = version
        if !session.hasTurn { settle() }
    }

    /// Call it after the last write.
    func settle() {
        guard let version = session.settledAt, let id = try? session.databaseID else { return }
        session.settledAt = nil
        try? session.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let print = FileFingerprint(path: session.path)
        var fingerprint = print.read(at: session.context.now().milliseconds)
        if fingerprint == nil {
            session.context.sleep(FileFingerprint.settling + 2)
            fingerprint = print.read(at: session.context.now().milliseconds)
        }
        // Somebody wrote between our commit and now: then the fingerprint would hide it.
        if session.connection.dataVersion != version { fingerprint = nil }
        try? session.control().setFingerprint(fingerprint, of: id)
    }
}
