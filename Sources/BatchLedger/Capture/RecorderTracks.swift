internal import BatchCore
internal import Glibc

/// The tables that the recorder has met.
extension Recorder {
    func track(_ name: UnsafePointer<CChar>) throws(BatchError) -> TableTrack? {
        if let lastTrack, lastName.withUnsafeBufferPointer({ $0.baseAddress.map { strcmp(name, $0) == 0 } ?? false }) {
            return lastTrack
        }
        let text = String(cString: name)
        guard let track = try track(named: text) else { return nil }
        lastName = Array(text.utf8CString)
        lastTrack = track
        return track
    }

    /// Limits the recorder to tables that were there before, and are not to be rewritten themselves.
    func limit(to tables: Set<String>?) {
        allowed = tables
        forgetLayouts()
    }

    /// Nil for tables that are not recorded: SQLite's own and the ledger's.
    private func track(named name: String) throws(BatchError) -> TableTrack? {
        if let known = trackByName[name] { return known }
        var track: TableTrack?
        if !name.hasPrefix("sqlite_") && !SQLName.isLedger(name) && allowed?.contains(name) != false {
            guard let layout = try builder.schema.layout(named: name) else {
                throw BatchError(
                    .internalFault, "table \(name) changed, but the schema does not hold it", hint: "batchmgr doctor")
            }
            track = try makeTrack(recordedLayouts[name] ?? layout, visible: layout)
        }
        trackByName[name] = .some(track)
        return track
    }

    /// - Parameter visible: the layout whose names SQL knows now, when that is another.
    func makeTrack(_ layout: TableLayout, visible: TableLayout? = nil) throws(BatchError) -> TableTrack {
        let track = try builder.track(layout, visible: visible ?? layout, number: tracks.count)
        if !madeTables.contains(layout.ownerTable) { track.watch = rules?.watch(layout) }
        tracks.append(track)
        return track
    }

    /// After a change of the schema every table must be looked up again.
    func forgetLayouts() {
        trackByName = [:]
        lastTrack = nil
        rowReaders = [:]
    }
}
