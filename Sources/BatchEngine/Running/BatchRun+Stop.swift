internal import BatchCore
internal import BatchLedger
internal import BatchSystem

/// What ends a batch before it is done: a stop that somebody asked for, a switch, a limit of time.
extension BatchRun {
    /// True once somebody wants the batch to stop.
    var isStopWanted: Bool { context.stopWish() != .goOn || lease?.isStopRequested == true }

    /// True once a program that a step has started is to be ended.
    var isProgramStopWanted: Bool {
        guard let endsPrograms = context.endsPrograms else { return isStopWanted }
        return endsPrograms() || lease?.isStopRequested == true
    }

    /// Waits; false when a stop is asked for meanwhile.
    func wait(_ milliseconds: Int64) -> Bool {
        var left = milliseconds
        while left > 0, !isStopWanted {
            let part = min(left, 200)
            context.sleep(part)
            left -= part
        }
        return !isStopWanted
    }

    /// Ends statements when the step or the batch takes too long, or somebody asks twice to stop.
    func limited(_ step: StepDefinition, _ body: () throws(BatchError) -> Void) throws(BatchError) {
        let context = self.context
        let policyLimit = self.limit
        let limit = [deadline, policyLimit, step.timeout.map { context.clock.now() + $0.milliseconds }].compactMap(
            \.self
        ).min()
        gateway.connection.interrupt { [unowned self] in
            context.stopWish() == .now || (isInLastCheckpoint && isStopWanted)
                || limit.map { context.clock.now() > $0 } ?? false
        }
        defer { gateway.connection.interrupt(when: nil) }
        do throws(BatchError) {
            try body()
        } catch {
            guard error.code == .stopped else { throw error }
            guard let limit, context.clock.now() > limit else {
                throw BatchError(
                    .stopped, "batch \(batch.batch) stopped in step \(step.id), \(placeOfStop)",
                    hint: "continue it: \(command: "resume --id \(batch.batch)")")
            }
            if let policyLimit, context.clock.now() > policyLimit { throw exceeded }
            throw BatchError(
                .timeout, "step \(step.id) of \(batch.batch) took longer than its timeout",
                hint: "raise the timeout or make the chunks smaller, then: \(command: "resume --id \(batch.batch)")")
        }
    }

    var exceeded: BatchError {
        let limit = Duration.milliseconds(gateway.policy.timeLimit ?? 0).text
        return BatchError(
            .limitExceeded, "the batch has run longer than its limit of \(limit)",
            hint: "make it smaller, or raise 'limits.time' of the job")
    }

    /// Milliseconds that a program of this step may take; nil for no limit.
    func timeLeft(_ step: StepDefinition) -> Int64? {
        [deadline.map { max(1, $0 - context.clock.now()) }, step.timeout?.milliseconds].compactMap(\.self).min()
    }

    /// - Throws: `ERR_PERF_STOPPED` when somebody asked to stop, or switched something off.
    func stopIfAsked() throws(BatchError) {
        try lease?.require()
        try stopIfSwitched()
        guard context.stopWish() != .goOn || lease?.isStopRequestedNow == true else { return }
        throw BatchError(
            .stopped, "batch \(batch.batch) stopped \(placeOfStop)",
            hint: "continue it: \(command: "resume --id \(batch.batch)")")
    }

    private var placeOfStop: String {
        lastNumber == 0 ? "before its first checkpoint" : "after checkpoint \(lastNumber)"
    }

    func stopIfSwitched() throws(BatchError) {
        guard
            let cause = try switches.map({ (gate) throws(BatchError) in
                try gate.decision(on: gate.work(job, tenant: batch.tenant))
            })?.cause
        else { return }
        throw BatchError(
            .stopped,
            "batch \(batch.batch) stopped \(placeOfStop): \(cause.words)",
            hint: "when it may continue: \(command: "resume --id \(batch.batch)")")
    }
}
