import BatchCore
import BatchService
import Testing

@Suite struct ZoneTests {
    struct Case: CustomStringConvertible, Sendable {
        let cron: String
        let zone: String
        let from: String
        var gap = GapRule.shift
        var fold = FoldRule.first
        let times: [String]

        var description: String { "\(cron) \(zone) \(gap) \(fold)" }
    }

    static let cases = [
        // A time that the clocks leave out comes right after the gap, several of them once.
        Case(
            cron: "30 2 * * *", zone: "Europe/Paris", from: "2026-03-28T12:00",
            times: ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        Case(
            cron: "0,30 2,3 * * *", zone: "Europe/Paris", from: "2026-03-29",
            times: ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"]),
        Case(
            cron: "30 2 * * *", zone: "Europe/Paris", from: "2026-03-28T12:00", gap: .skip,
            times: ["2026-03-30T00:30:00Z"]),
        // One that they show twice comes once.
        Case(
            cron: "30 2 * * *", zone: "Europe/Paris", from: "2026-10-24T12:00",
            times: ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        Case(
            cron: "30 2 * * *", zone: "Europe/Paris", from: "2026-10-24T12:00", fold: .last,
            times: ["2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]),
        Case(
            cron: "30 2 * * *", zone: "Europe/Paris", from: "2026-10-24T12:00", fold: .both,
            times: ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]),
        // With a star it goes by the clock: nothing in the gap, both of the fold, whatever the rules say.
        Case(
            cron: "*/30 2 * * *", zone: "Europe/Paris", from: "2026-03-29",
            times: ["2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"]),
        Case(
            cron: "@hourly", zone: "Europe/Paris", from: "2026-10-24T23:30",
            times: ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]),
        // Half an hour of difference.
        Case(
            cron: "15 2 * * *", zone: "Australia/Lord_Howe", from: "2026-10-03T00:00",
            times: ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]),
        Case(
            cron: "45 1 * * *", zone: "Australia/Lord_Howe", from: "2026-04-04T00:00",
            times: ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]),
        // A day that begins at 1:00.
        Case(
            cron: "@daily", zone: "Africa/Cairo", from: "2026-04-23T12:00",
            times: ["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]),
        // A day that was left out altogether.
        Case(
            cron: "0 6 * * *", zone: "Pacific/Apia", from: "2011-12-29T00:00",
            times: ["2011-12-29T16:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T16:00:00Z"]),
        Case(
            cron: "0 6 30 12 *", zone: "Pacific/Apia", from: "2011-12-29T00:00", gap: .skip,
            times: ["2012-12-29T16:00:00Z"]),
        // Without changes of the clock, and far ahead.
        Case(cron: "0 0 29 2 *", zone: "Asia/Kathmandu", from: "2097-01-01", times: ["2104-02-28T18:15:00Z"]),
        Case(cron: "0 12 15 7 *", zone: "Europe/Paris", from: "2060-01-01", times: ["2060-07-15T10:00:00Z"]),
    ]

    @Test(arguments: cases) func clocksAreChanged(_ entry: Case) throws {
        let schedule = ScheduleDefinition(cron: entry.cron, timezone: entry.zone, gap: entry.gap, fold: entry.fold)
        let from = try #require(Timestamp(text: entry.from))
        #expect(try schedule.firingTimes().next(entry.times.count, after: from).map(\.seconds) == entry.times)
    }

    /// Each asks another zone, all at the same time.
    @Test func threadsAskAnyZone() async throws {
        let zones = [
            "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo", "UTC",
        ]
        let from = try #require(Timestamp(text: "2026-01-01"))
        @Sendable func noons(_ zone: String) throws -> [String] {
            try ScheduleDefinition(cron: "0 12 * * *", timezone: zone).firingTimes().next(300, after: from)
                .map(\.seconds)
        }
        let alone = try zones.map(noons)
        try await withThrowingTaskGroup(of: (Int, [String]).self) { group in
            for index in 0..<24 { group.addTask { (index % 6, try noons(zones[index % 6])) } }
            for try await (zone, times) in group { #expect(times == alone[zone]) }
        }
    }

    @Test(arguments: ["Etc/GMT+5", "America/Argentina/Ushuaia", "CST6CDT", "NZ-CHAT", "Australia/Lord_Howe"])
    func namesOfAnyShapeAreTaken(name: String) throws { _ = try TimeZones.clock(name) }

    @Test(arguments: [
        "Europe/Pariss", "CET-1CEST", "", "../../../etc/passwd", "+01:00", "/usr/share/zoneinfo/Europe/Paris",
        "Europe//Paris", "zone.tab",
    ])
    func whatIsNoZoneIsRefused(name: String) {
        #expect(throws: BatchError.self) { try TimeZones.clock(name) }
    }
}
