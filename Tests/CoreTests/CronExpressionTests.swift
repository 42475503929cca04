import BatchCore
import Testing

@Suite struct CronExpressionTests {
    @Test func fieldsAreListsRangesAndSteps() throws {
        let cron = try #require(CronExpression("5,35 */6 1-3 jan,MAR 1-5/2"))
        #expect(cron.seconds == [0])
        #expect(cron.minutes == [5, 35])
        #expect(cron.hours == [0, 6, 12, 18])
        #expect(cron.days == [1, 2, 3])
        #expect(cron.months == [1, 3])
        #expect(cron.weekdays == [1, 3, 5])
        #expect(cron.restrictsDays)
        #expect(cron.restrictsWeekdays)
    }

    @Test func sundayHasTwoNumbersAndSixFieldsBeginWithSeconds() throws {
        #expect(CronExpression("0 0 * * 7")?.weekdays == [0])
        #expect(CronExpression("30 0 0 ? * sun")?.seconds == [30])
        #expect(CronExpression("@daily") == CronExpression("0 0 * * *"))
    }

    @Test func daysThatOnlyTheCalendarKnows() throws {
        let last = try #require(CronExpression("0 0 L,L-3,LW,15w * *"))
        #expect(last.days.isEmpty)
        #expect(last.calendarDays == [.last(before: 0), .last(before: 3), .lastWorkday, .workday(nearest: 15)])
        let weekdays = try #require(CronExpression("0 0 * * friL,7L,Mon#2,wednesday"))
        #expect(weekdays.calendarWeekdays == [.lastWeekday(5), .lastWeekday(0), .nthWeekday(1, 2)])
        #expect(weekdays.weekdays == [3])
        #expect(CronExpression("0 0 * * Mon/2")?.weekdays == [1, 3, 5])
    }

    @Test(arguments: [
        ("0 0 L * *", "2028-02-28", "2028-02-29"), ("0 0 L-2 2 *", "2027-01-01", "2027-02-26"),
        // 2026-08-01 is a Saturday and 2026-11-01 a Sunday: the nearest workday of the same month.
        ("0 0 1W * *", "2026-07-31", "2026-08-03"), ("0 0 1W 11 *", "2026-07-31", "2026-11-02"),
        ("0 0 31W * *", "2026-10-01", "2026-10-30"), ("0 0 LW * *", "2026-10-31", "2026-11-30"),
        ("0 0 * * 5L", "2026-11-01", "2026-11-27"), ("0 0 * * 0#5", "2026-09-01", "2026-11-29"),
        ("0 0 * 2 0#5", "2026-01-01", "2032-02-29"),
        // Either day is taken when both are restricted; both must fit when one begins with a star.
        ("0 0 13 * 5", "2026-11-10", "2026-11-13"), ("0 0 15 * 5", "2026-11-13", "2026-11-15"),
        ("0 0 */2 * 5", "2026-11-13", "2026-11-27"),
    ])
    func theCalendarIsKept(cron: String, after: String, next: String) throws {
        let times = FiringTimes(try #require(CronExpression(cron)), clock: UTCClock())
        let found = times.next(after: try #require(Timestamp(text: after)))
        #expect(found == Timestamp(text: next))
    }

    /// `schedule next --from 9999-12-31T00:00` has answered "10000-01-01T00:00:0Z".
    @Test func nothingFiresAfterTheYear9999() throws {
        let times = FiringTimes(try #require(CronExpression("@daily")), clock: UTCClock())
        let found = times.next(3, after: try #require(Timestamp(text: "9999-12-28T12:00")))
        #expect(found.map(\.seconds) == ["9999-12-29T00:00:00Z", "9999-12-30T00:00:00Z"])
    }

    @Test func aWrongFieldIsNamedWithTheReason() {
        #expect(CronExpression.problem(in: "0 25 * * *") == "'25' is not a valid hour; write 0 to 23")
        #expect(CronExpression.problem(in: "0 0 * * fro") == "'fro' is not a valid day of the week; write 0 to 7")
        #expect(CronExpression.problem(in: "0 0 31W 2 *") == "such a day never comes in the months it names")
        #expect(CronExpression.problem(in: "0 0") == "there are 2 fields; write five, e.g. \"0 2 * * *\"")
        #expect(CronExpression.problem(in: "0 0 * * L")?.contains("the last Friday of the month is 5L") == true)
        #expect(CronExpression.problem(in: "@noon")?.contains("@nightly") == true)
    }

    @Test(arguments: [
        ("2026-11-21", "2026-11-21T00:00:00.000Z"), ("2026-11-21T02:00", "2026-11-21T02:00:00.000Z"),
        ("2026-11-21 02:00:30+01:00", "2026-11-21T01:00:30.000Z"),
        ("2026-11-21T02:00-0530", "2026-11-21T07:30:00.000Z"),
        ("2026-11-21T02:00:00.5Z", "2026-11-21T02:00:00.500Z"),
    ])
    func timesAreReadAsPeopleWriteThem(text: String, time: String) {
        #expect(Timestamp(text: text)?.iso8601 == time)
    }

    @Test(arguments: [
        "2026-02-30", "2026-11-21T24:00", "2h ago", "2026-11-21T02", "2026-11-21x", "21.11.2026", "",
    ])
    func whatIsNoTimeIsNotRead(text: String) { #expect(Timestamp(text: text) == nil) }

    @Test(arguments: [
        "", "* * * *", "60 * * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "a * * * *", "*/61 * * * *",
        "1,,2 * * * *", "@reboot", "0 0 30 2 *", "? * * * *", "* * * * * * *",
        "0 0 * * L", "0 0 * * 4W", "0 0 * 1L *", "0 0 32W * *", "0 0 L-31 * *", "0 0 * * 5#6", "0 0 * * 5#0",
        "0 0 31W 2 *",
        "0 0 * * x#1", "0 L * * *",
    ])
    func whatNeverComesIsNoSchedule(text: String) {
        #expect(CronExpression(text) == nil)
        #expect(CronExpression.problem(in: text)?.isEmpty == false)
    }
}
