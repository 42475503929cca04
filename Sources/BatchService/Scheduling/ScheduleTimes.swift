public import BatchCore

extension ScheduleDefinition {
    /// - Throws: `ERR_UX_USAGE` when expression or zone is wrong.
    public func firingTimes() throws(BatchError) -> FiringTimes {
        FiringTimes(try CronExpression(reading: cron), clock: try TimeZones.clock(timezone), gap: gap, fold: fold)
    }

    /// - Throws: `ERR_UX_USAGE` when expression or zone is wrong.
    public func rule(named name: String) throws(BatchError) -> ScheduleRule {
        ScheduleRule(name, self, times: try firingTimes(), clock: try TimeZones.clock(timezone))
    }

    /// The next firings, in UTC and as the clocks of its zone show them.
    /// - Throws: `ERR_UX_USAGE` when expression or zone is wrong.
    public func preview(
        job: String?, after time: Timestamp, count: Int
    ) throws(BatchError) -> ScheduleNextReport {
        let times = try firingTimes().next(count, after: time)
        let clock = try TimeZones.clock(timezone)
        return ScheduleNextReport(
            job: job, schedule: self,
            times: times.map { time in
                .init(time: time, offset: clock.period(at: time.milliseconds / 1_000).offset)
            })
    }
}
