internal import BatchCore
internal import BatchLedger

/// What SQLite tells of the transaction that a batch is in.
extension Host {
    func committed() {
        savepoints = []
        guard let batch, batch.phase == .sealed else { return }
        close(because: "batch \(batch.name) ended with the COMMIT of its transaction", canWrite: false)
    }

    func rolledBack() {
        savepoints = []
        guard let batch, batch.phase != .ending else { return }
        batch.gateway.abandon()
        close(because: "batch \(batch.name) is gone: its transaction was rolled back", canWrite: false)
    }

    func marked(_ savepoint: Int32) {
        if batch?.gateway.isReadingSchema == true { return }
        savepoints.removeAll { $0 >= savepoint }
        savepoints.append(savepoint)
        guard let batch, batch.phase == .open, !batch.gateway.hasBegun(at: savepoint) else { return }
        batch.mark(savepoint)
        batch.gateway.noteBegin(at: savepoint)
    }

    func released(_ savepoint: Int32) {
        if batch?.gateway.isReadingSchema == true { return }
        if let batch, batch.phase == .open { batch.gateway.noteEnd(at: savepoint) }
        savepoints.removeAll { $0 >= savepoint }
        batch?.release(savepoint, open: savepoints.count)
    }

    func wentBack(to savepoint: Int32) {
        if batch?.gateway.isReadingSchema == true { return }
        if let batch, batch.phase == .open { batch.gateway.noteReturn(to: savepoint) }
        savepoints.removeAll { $0 > savepoint }
        guard let batch, batch.phase == .open else { return }
        guard savepoints.count <= batch.base else { return batch.goBack(to: savepoint) }
        batch.gateway.abandon()
        close(
            because: "batch \(batch.name) is gone: its transaction went back to a savepoint before it", canWrite: false)
    }
}
