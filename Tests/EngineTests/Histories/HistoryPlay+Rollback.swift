import BatchCore
import BatchEngine
import BatchLedger

extension HistoryPlay {
    func rollBack(_ place: Int, _ way: RollbackWay, _ before: DatabaseImage) throws {
        let choice = entries.indices.filter { entries[$0].canBeUndone }
        guard !choice.isEmpty else { return }
        let chosen = choice[choice.count - 1 - place % choice.count]
        let request = try request(entries[chosen], way)
        let outcome: Rollback.Outcome
        do throws(BatchError) {
            outcome = try Rollback(session).perform(request)
        } catch {
            try expectRefusal(error, way, chosen, before)
            return try again(place, way, before)
        }
        switch outcome {
        case .refused(let report):
            try expectRefusal(report.error, way, chosen, before)
            try again(place, way, before)
        case .done(let report):
            if way.isDryRun { return try expectUntouched(before, "dry run of \(report.batch)") }
            rollbacks += 1
            try settle(report, request, Content(before, rowids: traits.namesRowids))
        }
    }

    private func request(_ entry: HistoryEntry, _ way: RollbackWay) throws -> RollbackRequest {
        guard let id = entry.id else { throw HistoryFault(.outcome, "no batch") }
        let live = entry.isLive.indices.filter { entry.isLive[$0] }
        let kept = way.keeps.flatMap { keeps in live.dropLast(1 + keeps).last.map { $0 + 1 } }
        return RollbackRequest(
            batch: .batch(id), mode: way.mode, checkpoint: kept, onConflict: way.onConflict, readers: way.readers,
            isDryRun: way.isDryRun, source: way.source)
    }

    // MARK: Refusals

    /// What one record alone cannot do, the records together can.
    private func again(_ place: Int, _ way: RollbackWay, _ before: DatabaseImage) throws {
        guard way.source != nil else { return }
        var other = way
        other.source = nil
        try rollBack(place, other, before)
    }

    private func expectUntouched(_ before: DatabaseImage, _ what: String) throws {
        guard let difference = try image().difference(from: before) else { return }
        throw HistoryFault(.trace, "\(what) changed something: \(difference)")
    }

    private func expectRefusal(
        _ error: BatchError, _ way: RollbackWay, _ chosen: Int, _ before: DatabaseImage
    ) throws {
        try expectUntouched(before, "the refused rollback")
        refusals["\(way.mode) \(error.code.rawValue)", default: 0] += 1
        guard !mayRefuse(error, way, entries[chosen]) else { return }
        throw HistoryFault(
            .outcome, "rollback of \(entries[chosen].id.map { "\($0)" } ?? "") \(way) was refused: \(error)",
            detail: "\(way.mode) \(error.code.rawValue)")
    }

    private func mayRefuse(_ error: BatchError, _ way: RollbackWay, _ chosen: HistoryEntry) -> Bool {
        let outside = entries.filter { $0.id == nil }.flatMap(\.steps)
        let hasDrift = outside.contains { $0 != "VACUUM" }
        switch error.code {
        case .dependents: return way.mode == .restrict
        case .notReplayable: return way.mode == .replay
        // The second run meets other rows.
        case .constraint, .sql: return way.mode == .replay
        // The same document: an R*Tree that a later batch wrote to is undone from the log alone.
        case .schemaChanged where way.source == .git || way.source == .bak: return true
        case .schemaChanged: return hasDrift || way.mode == .unconflicted
        // A batch without foreign keys, or on a database with old violations, can leave a row that refers to a missing row.
        // An undo does not bring such a row back: the ledger cannot tell whether its parent was missing then as well.
        case .conflict where error.message.contains("would refer to missing rows"):
            return !traits.enforcesForeignKeys || beganBroken
        // Known gap (seed 316): a rollback of a rollback may not find a full-text row that the first one put back, when
        // the index has to be undone by its content.
        case .conflict where error.message.contains("of virtual table"): return true
        // Known gap (seeds 430 and 480): undoing a rollback may meet rows that it does not know any more. So may undoing
        // from git or a `.bak` alone; the log has to manage then.
        case .conflict where chosen.steps.isEmpty || way.source == .git || way.source == .bak: return true
        case .conflict: return hasDrift || hasKeptRows || way.mode == .unconflicted
        // docs/rollback.md, "From which record".
        // The same document: a table that hides its rowid is renamed in between.
        case .noRestorePoint where error.message.contains("undersize RTree blobs"):
            return way.source == .log
        case .noRestorePoint: return way.source == .git || way.source == .bak
        default: return false
        }
    }

    // MARK: Afterwards

    private func settle(_ report: RollbackReport, _ request: RollbackRequest, _ before: Content) throws {
        let moment = "\(request.mode) of \(report.batch), order \(report.order.map(\.description)),"
        let leftRows = report.conflicts.contains { _ in true }
        let gone = Set(report.order)
        let (undone, revived, sawOthers) = try noteLive(after: gone, by: report.rollback)
        let now = try content()
        let stays = report.dependents.contains { $0.edges.first?.kind == .read && !gone.contains($0.batch) }
        // What was done outside is undone with its drift, and no entry says how much of it that one holds.
        let undoesDrift = gone.contains { $0.job == "drift" }
        if leftRows || stays || undoesDrift { isModelled = false }
        // Without its dependents, a batch may live again beside the one that ran in its place.
        let isBeside = revived && request.mode == .unconflicted
        if sawOthers || isBeside, isModelled, try !isAsModelled(now) { isModelled = false }
        let change = undone.reduce(Optional(Content.none)) { sum, one in sum.flatMap { sum in one.map { sum + $0 } } }
        var after = leftRows || undoesDrift ? nil : change.map { before - $0 }
        if request.onConflict == .overwrite { after = after?.withoutDebts }
        if report.replayed.isEmpty {
            note(report.rollback, now - before)
            if let after { try expectSame(now, after, moment) }
            try followModel(moment, now)
        } else {
            try settleReplay(report, before, after, moment, now)
        }
        if leftRows {
            hasKeptRows = true
            forgetChanges()
        }
        try expectWhole(moment)
        try expect(try model.content(), moment)
    }

    private func expectSame(_ found: Content, _ expected: Content, _ moment: String) throws {
        guard let difference = found.difference(from: expected) else { return }
        if try isRebuilt(found, expected) {
            isModelled = false
            return forgetChanges()
        }
        throw HistoryFault(
            .content, "\(moment) left something else than was there without it:\n\(difference)", detail: "undo")
    }

    /// An index that did not fit the table that it is about, as REPLACE leaves it without recursive triggers, is made
    /// anew: docs/rollback.md, "Full-text search".
    private func isRebuilt(_ found: Content, _ expected: Content) throws -> Bool {
        guard let indexes = found.indexesFindingLess(than: expected) else { return false }
        let connection = try Connection(path: session.path)
        for index in indexes.map(SQLName.quote) {
            try connection.execute("BEGIN")
            let fits =
                (try? connection.execute("INSERT INTO \(index)(\(index), rank) VALUES('integrity-check', 1)")) != nil
            try connection.execute("ROLLBACK")
            if !fits { return false }
        }
        return true
    }

    /// Compares with a database on which the undone batches never ran.
    private func followModel(_ moment: String, _ now: Content) throws {
        guard isModelled, let model = try model(running: entries) else {
            isModelled = false
            return try followLive()
        }
        if try isRebuilt(now, try model.content()) {
            isModelled = false
            return try followLive()
        }
        if let difference = now.difference(from: try model.content()) {
            throw HistoryFault(.content, "\(moment) is not as if they never ran:\n\(difference)", detail: "model")
        }
        follow(model)
    }

    private func isAsModelled(_ now: Content) throws -> Bool {
        guard let model = try? model(running: entries) else { return false }
        return try now.difference(from: model.content()) == nil
    }

    private func settleReplay(
        _ report: RollbackReport, _ before: Content, _ after: Content?, _ moment: String, _ now: Content
    ) throws {
        var again: [HistoryEntry] = []
        var inPlace = entries
        for replayed in report.replayed {
            guard let index = entries.firstIndex(where: { $0.id == replayed.batch }), let id = replayed.replacement
            else { throw HistoryFault(.outcome, "\(replayed.batch) ran again and is not known", detail: "replay") }
            let old = entries[index]
            let entry = HistoryEntry(
                id: id, steps: old.steps, changes: old.steps.map { _ in nil }, isLive: old.steps.map { _ in true })
            again.append(entry)
            inPlace[index] = entry
        }
        guard isModelled, let model = try model(running: entries), let placed = try self.model(running: inPlace) else {
            isModelled = false
            note(report.rollback, after.map { $0 - before })
            for entry in again { append(entry) }
            return try followLive()
        }
        if let after { try expectSame(try model.content(), after, moment) }
        note(report.rollback, try model.content() - before)
        for entry in again { append(try rerun(entry, on: model, moment)) }
        if let difference = now.difference(from: try placed.content()) {
            throw HistoryFault(.content, "\(moment) is not as if it never ran:\n\(difference)", detail: "replay")
        }
        if let difference = now.difference(from: try model.content()) {
            throw HistoryFault(.content, "\(moment), run again at the end:\n\(difference)", detail: "rerun")
        }
        follow(model)
    }

    private func rerun(_ entry: HistoryEntry, on model: PlainModel, _ moment: String) throws -> HistoryEntry {
        var entry = entry
        for (index, sql) in entry.steps.enumerated() {
            let before = try model.content()
            do throws(BatchError) { try model.run(sql) } catch {
                throw HistoryFault(.outcome, "\(moment): the model cannot rerun: \(error)", detail: "rerun")
            }
            entry.changes[index] = try model.content() - before
        }
        return entry
    }

    private func note(_ rollback: BatchID?, _ change: Content?) {
        append(HistoryEntry(id: rollback, steps: [], changes: [change], isLive: [true]))
    }

    /// Undoing a rollback brings others to life, or to an end again, that it did not undo itself.
    /// - Returns: what those checkpoints had changed that were undone, whether any came back to life, and whether one of
    ///   these had seen others before it than are live now: it may have read of them, and comes back as it was then.
    private func noteLive(
        after order: Set<BatchID>, by rollback: BatchID?
    ) throws -> (undone: [Content?], revived: Bool, sawOthers: Bool) {
        let own = try rollback.flatMap { try session.ledger.batch($0) }
        let by = try own.map { try session.ledger.checkpoints(of: $0.seq).map(\.id) } ?? []
        var undone: [Content?] = []
        var revived: [Int] = []
        for (index, entry) in entries.enumerated() {
            guard let id = entry.id, let batch = try session.ledger.batch(id) else { continue }
            for checkpoint in try session.ledger.checkpoints(of: batch.seq) {
                let place = checkpoint.number - 1
                guard entry.isLive.indices.contains(place) else { continue }
                // Also what lived again on the way alone, when the rollback was undone that had undone it.
                if let undoer = checkpoint.undoneBy, by.contains(undoer), order.contains(id) {
                    undone.append(entry.changes[place])
                }
                if !entry.isLive[place], checkpoint.isLive { revived.append(index) }
                entries[index].isLive[place] = checkpoint.isLive
            }
        }
        return (undone, !revived.isEmpty, revived.contains { entries[$0].saw != entries[..<$0].map(\.isLive) })
    }

    /// Only a part of what some of them did is left.
    private func forgetChanges() {
        for index in entries.indices { entries[index].changes = entries[index].changes.map { _ in nil } }
    }
}
