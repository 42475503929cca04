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

    @Test(arguments: [
        "", "* * * *", "60 * * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "a * * * *", "*/61 * * * *",
        "1,,2 * * * *", "@reboot", "0 0 30 2 *", "? * * * *", "* * * * * * *",
    ])
    func whatNeverComesIsNoSchedule(text: String) {
        #expect(CronExpression(text) == nil)
        #expect(CronExpression.problem(in: text)?.isEmpty == false)
    }
}
