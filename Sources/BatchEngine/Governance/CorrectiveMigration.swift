internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// A repair of level 2 that changes the schema applies itself only when it is forward-only, and does so on copies of the
/// newest restore points too; otherwise it becomes a plan.
///
/// What it is, is decided by what it does there: by the schema that SQLite has before and after each statement, and by
/// the rows. Words of its SQL decide nothing.
struct CorrectiveMigration {
    let session: Session
    let subject: Rehearsal.Subject

    /// So many restore points it is tried on.
    private static let tried = 3

    /// Why it may not apply itself; nil when it may.
    func objection() throws(BatchError) -> String? {
        var states: [JSONValue] = []
        let found = try objection(&states)
        try session.ledger.audit(
            "migration", batch: subject.batch, outcome: found == nil ? "passed" : "planned",
            details: ["tried_on": .array(states), "because": JSONValue(found)], context: session.context)
        return found
    }

    private func objection(_ states: inout [JSONValue]) throws(BatchError) -> String? {
        let points = try session.ledger.points(where: "status = 'complete'").suffix(CorrectiveMigration.tried)
        guard !points.isEmpty else { return "it changes the schema, and there is no restore point to try it on" }
        if let found = try objection(on: ScratchCopy(of: session), "the database") { return found }
        states.append("now")
        for record in points.reversed() {
            let point = try PointLocator(session: session).point(record)
            session.context.phase("trying the migration on \(point.name)")
            let copy: ScratchCopy
            do throws(BatchError) {
                copy = try ScratchCopy(of: session, at: point)
            } catch {
                if error.code == .diskFull || error.code == .stopped { throw error }
                return "it changes the schema, and \(point.name) cannot be rebuilt to try it on: \(error.message)"
            }
            if let found = try objection(on: copy, point.name) { return found }
            states.append(.string(point.name))
        }
        return nil
    }

    private func objection(on copy: ScratchCopy, _ name: String) throws(BatchError) -> String? {
        let place = copy.session
        let before = try copy.asItWas()
        let run: BatchRun
        do throws(BatchError) {
            run = try carryOut(place)
        } catch {
            if error.code == .diskFull || error.code == .stopped { throw error }
            return "it changes the schema, and fails on a copy of \(name): \(error.message)"
        }
        for checkpoint in try place.ledger.checkpoints(of: run.batch.seq) {
            if let gone = try place.ledger.droppedObjects(in: checkpoint.id).first {
                return
                    "it is not forward-only: on a copy of \(name), \(gone.type) \(gone.name) is dropped or renamed"
            }
        }
        return try ForwardCheck(old: before, new: place.connection).objection().map {
            "it is not forward-only: on a copy of \(name), \($0)"
        }
    }

    private func carryOut(_ place: Session) throws(BatchError) -> BatchRun {
        if try !place.ledger.exists() {
            let state = try StateDigest.compute(place.connection)
            let id = session.context.randomID()
            try place.connection.transaction { () throws(BatchError) in
                try place.ledger.create(databaseID: id)
                try place.ledger.setState(state)
            }
        }
        let gateway = try Runner.gateway(place, subject.job, tenant: subject.batch.tenant)
        var batch = subject.batch
        try place.connection.transaction { () throws(BatchError) in try place.ledger.insert(&batch) }
        let run = try BatchRun(
            place, gateway, job: subject.job, values: subject.values, batch: batch, purpose: .rehearsal)
        for step in subject.job.steps {
            try run.stopIfAsked()
            try StepRun(run: run, step: step).perform()
        }
        try VerifyQueries(session: place).require(subject.job.verify, run.bindings, of: run.batch.batch)
        return run
    }
}

/// Whether a database has everything that it had before, and only more: objects, columns, and values in new columns.
private struct ForwardCheck {
    let old: Connection
    let new: Connection

    func objection() throws(BatchError) -> String? {
        let difference = DatabaseDifference(old: old, new: new)
        for change in try difference.schema() {
            if let found = try objection(change) { return found }
        }
        if try old.value("PRAGMA application_id") != new.value("PRAGMA application_id") {
            return "application_id changes"
        }
        for table in try difference.tables() {
            guard let before = table.before, let after = table.after, before.role != .system else { continue }
            if let found = try objection(difference, table, before, after) { return found }
        }
        return nil
    }

    private func objection(_ change: SchemaObjectChange) throws(BatchError) -> String? {
        switch (change.type, change.before, change.after) {
        case (_, _?, nil): return "\(change.type) \(change.name) goes"
        case ("table", let was?, let now?):
            return isInsertion(was, now) ? nil : "table \(change.name) gets a new definition"
        case (_, _?, _): return "\(change.type) \(change.name) gets a new definition"
        case ("table", nil, _), ("view", nil, _): return try shadow(change)
        default: return nil
        }
    }

    /// `ADD COLUMN` writes into the text of a definition, and takes nothing away.
    private func isInsertion(_ old: String, _ new: String) -> Bool {
        let (old, new) = (Array(old.utf8), Array(new.utf8))
        guard new.count > old.count else { return false }
        let head = zip(old, new).prefix { $0 == $1 }.count
        let tail = zip(old.reversed(), new.reversed()).prefix { $0 == $1 }.count
        return head + tail >= old.count
    }

    /// SQL that names a table of a module, as `json_each`, would mean the new one from then on.
    private func shadow(_ change: SchemaObjectChange) throws(BatchError) -> String? {
        let sql = "SELECT 1 FROM pragma_module_list WHERE lower(name) = lower(?)"
        let name = SQLName.folded(change.name)
        let isTaken = try old.value(sql, [.string(name)]) != nil
        return isTaken || name.hasPrefix("pragma_")
            ? "\(change.type) \(change.name) hides the one that SQLite has" : nil
    }

    private func objection(
        _ difference: DatabaseDifference, _ table: DatabaseDifference.Table, _ before: TableLayout, _ after: TableLayout
    ) throws(BatchError) -> String? {
        let count = before.columns.count
        guard before.key == after.key, before.isStrict == after.isStrict,
            after.columns.prefix(count) == before.columns[...]
        else { return "table \(table.name) loses a column, or its key" }
        if let taken = after.columns.dropFirst(count).first(where: {
            ForwardCheck.rowidNames.contains(SQLName.folded($0.name))
        }) {
            return "column \(taken.name) of table \(table.name) hides the rowid"
        }
        let stored = before.storedColumns.count
        var (gone, added, changed) = (0, 0, 0)
        try difference.forEachChange(of: table) { (row) throws(BatchError) in
            switch (row.before, row.after) {
            case (_?, nil): gone += 1
            case (nil, _?): added += 1
            case (let was?, let now?): if was[...] != now.prefix(stored) { changed += 1 }
            case (nil, nil): break
            }
        }
        if gone > 0 { return "\(Counted.text(gone, "row")) of table \(table.name) are deleted" }
        if added > 0 { return "\(Counted.text(added, "row")) are added to table \(table.name)" }
        if changed > 0 { return "existing columns change in \(Counted.text(changed, "row")) of table \(table.name)" }
        return nil
    }

    private static let rowidNames: Set<String> = ["rowid", "_rowid_", "oid"]
}
