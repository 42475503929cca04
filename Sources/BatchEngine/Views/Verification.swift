public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Rechecks everything that an undo or a restore would rely on.
struct Verification {
    let session: Session
    /// Nil: everything.
    let batch: BatchRecord?
    /// Leaves out what reads all rows, all blocks or all objects.
    let isFast: Bool

    private var ledger: Ledger { session.ledger }

    func checks() throws(BatchError) -> [Check] {
        guard try ledger.exists() else {
            return [.passed("ledger", "there is none: no batch has run on this database")]
        }
        do throws(BatchError) {
            let batches = if let batch { [batch] } else { try ledger.batches() }
            let points = try ledger.points(
                where: "?1 IS NULL OR batch = ?1", [batch.map { .integer($0.seq) } ?? .null])
            var checks = [try ledgerCheck(batches, points)]
            if batch == nil, !isFast { checks += try stateChecks() }
            if batch == nil { checks += try guardChecks() }
            checks += try undoChecks(batches)
            if let check = try factCheck() { checks.append(check) }
            checks += try PointVerification(session: session, points: points, batches: batches, isFast: isFast).checks()
            return checks
        } catch  where error.code == .corruptLedger || error.code == .corruptDatabase || error.code == .sql {
            let damage = BatchError(
                .corruptLedger, "cannot be read: \(error.message)",
                hint: "rebuild the database from its copies: \(command: "restore --point BATCH --to FILE")")
            return [.failed("ledger", damage)]
        }
    }

    private func ledgerCheck(_ batches: [BatchRecord], _ points: [PointRecord]) throws(BatchError) -> Check {
        var checkpoints = 0
        for batch in batches { checkpoints += try ledger.checkpoints(of: batch.seq).count }
        let counts = [
            Counted.text(batches.count, "batch", plural: "batches"), Counted.text(checkpoints, "checkpoint"),
            Counted.text(points.count, "restore point"),
        ]
        return .passed("ledger", counts.joined(separator: ", "))
    }

    // MARK: State digest

    private func stateChecks() throws(BatchError) -> [Check] {
        guard let recorded = try ledger.state() else { return [.passed("tables", "no batch has changed any yet")] }
        let found = try StateDigest.compute(session.connection)
        var failed: [Check] = []
        if recorded.schema != found.schema { failed.append(.failed("schema", drift("the schema", ""))) }
        for name in Set(recorded.tables.keys).union(found.tables.keys).sorted() {
            let (expected, now) = (recorded.tables[name] ?? TableDigest(), found.tables[name] ?? TableDigest())
            guard expected != now else { continue }
            let rows =
                expected.rows == now.rows ? "" : ": it had \(Counted.text(expected.rows, "row")), and has \(now.rows)"
            failed.append(.failed("table \(name)", drift("table \(name)", rows)))
        }
        let rows = found.tables.values.reduce(Int64(0)) { $0 + $1.rows }
        let counts = "\(Counted.text(found.tables.count, "table")), \(Counted.text(rows, "row"))"
        return failed.isEmpty ? [.passed("tables", "\(counts), all with the recorded digest")] : failed
    }

    private func guardChecks() throws(BatchError) -> [Check] {
        let report = try GuardSetting(session).report()
        if report.mode == .off { return [] }
        if report.isForcedOpen || !report.isIntact {
            let what = report.isForcedOpen ? "somebody keeps the gate open" : "not every table has its triggers"
            return [
                .warning(
                    "guard", what, code: .guardIncomplete,
                    advice: "the next batch puts it right; see it: \(command: "guard show")")
            ]
        }
        return [.passed("guard", "\(report.mode.rawValue), on \(Counted.text(report.tables.count, "table"))")]
    }

    private func drift(_ thing: String, _ detail: String) -> BatchError {
        BatchError(
            .verificationFailed, "\(thing) was changed outside any batch\(detail)",
            hint:
                "see the rows: \(command: "drift show"); keep them: \(command: "drift adopt"); take them back: \(command: "drift undo")"
        )
    }

    // MARK: Facts

    private func factCheck() throws(BatchError) -> Check? {
        do throws(BatchError) {
            let own = try batch.map { (batch) throws(BatchError) in try ledger.checkpoints(of: batch.seq).map(\.id) }
            try ledger.verifyFacts(from: own?.min() ?? 0, to: own?.max() ?? .max)
            return nil
        } catch  where error.code == .corruptLedger {
            return .failed("facts", error)
        }
    }

    // MARK: Undo log

    private func undoChecks(_ batches: [BatchRecord]) throws(BatchError) -> [Check] {
        var failed: [Check] = []
        var (blocks, live) = (0, 0)
        let copied = try ledger.undoInCopies()
        for batch in batches {
            let checkpoints = try ledger.checkpoints(of: batch.seq).filter { $0.isLive && !copied.contains($0.id) }
            if !checkpoints.isEmpty { live += 1 }
            do throws(BatchError) {
                for checkpoint in checkpoints where !isFast { blocks += try ledger.verifyUndoLog(of: checkpoint) }
            } catch {
                let damage = BatchError(
                    .corruptRecord, "\(batch.batch): \(error.message)",
                    hint:
                        "this batch can still be undone from its restore point: \(command: "restore --point \(batch.batch)^ --to FILE")"
                )
                failed.append(.failed("undo log", damage))
            }
        }
        if isFast || !failed.isEmpty { return failed }
        let counts = Counted.text(live, "live batch", plural: "live batches")
        return [.passed("undo log", "\(Counted.text(blocks, "block")) of \(counts), all whole")]
    }
}

/// `1 row`, `2 rows`
enum Counted {
    static func text(_ number: some BinaryInteger, _ noun: String, plural: String? = nil) -> String {
        "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
    }
}

extension Session {
    /// `verify`: rechecks the digests, the undo log and both copies of every restore point.
    /// - Parameters:
    ///   - reference: only what belongs to this batch; nil for everything.
    ///   - isFast: leave out what reads all rows, all blocks or all objects.
    /// - Throws: `ERR_UX_UNKNOWN_BATCH`. Damage is no error here, but a check that failed.
    public func verify(_ reference: BatchReference? = nil, isFast: Bool = false) throws(BatchError) -> ChecksReport {
        try reading { () throws(BatchError) in
            var batch: BatchRecord?
            if let reference { batch = try BatchLookup(self).batch(reference) }
            return ChecksReport(checks: try Verification(session: self, batch: batch, isFast: isFast).checks())
        }
    }
}
