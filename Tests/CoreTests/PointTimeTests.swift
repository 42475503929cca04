import BatchCore
import Testing

/// Times as people name them.
@Suite struct PointTimeTests {
    private static let now = Timestamp(iso8601: "2026-11-26T20:37:17.000Z") ?? Timestamp(milliseconds: 0)

    /// Two hours east of Greenwich, always.
    private static let east = LocalZone(
        civil: { LocalZone.utc.civil(Timestamp(milliseconds: $0.milliseconds + 7_200_000)) },
        moment: { Timestamp(milliseconds: LocalZone.utc.moment($0).milliseconds - 7_200_000) })

    @Test(arguments: [
        ("2026-11-26T14:00", "2026-11-26T12:00:00.000Z"), ("2026-11-26 14:00", "2026-11-26T12:00:00.000Z"),
        ("2026-11-26t14:00:30.25", "2026-11-26T12:00:30.250Z"), ("2026-11-26T14:00Z", "2026-11-26T14:00:00.000Z"),
        ("2026-11-26 14:00 UTC", "2026-11-26T14:00:00.000Z"), ("2026-11-26T14:00+05:30", "2026-11-26T08:30:00.000Z"),
        ("2026-11-26T14:00-0500", "2026-11-26T19:00:00.000Z"), ("2026-11-25", "2026-11-25T21:59:59.999Z"),
        ("2026-10-31", "2026-10-31T21:59:59.999Z"), ("2026-11-26", "2026-11-26T20:37:17.000Z"),
        ("today", "2026-11-26T20:37:17.000Z"), ("yesterday", "2026-11-25T21:59:59.999Z"),
        ("yesterday 18:00", "2026-11-25T16:00:00.000Z"), ("Today 7:05", "2026-11-26T05:05:00.000Z"),
        ("18:00", "2026-11-26T16:00:00.000Z"), ("2h ago", "2026-11-26T18:37:17.000Z"),
        ("90s ago", "2026-11-26T20:35:47.000Z"), ("2027-01-01", "2027-01-01T21:59:59.999Z"),
    ])
    func aTimeIsWhatAPersonMeans(text: String, moment: String) throws {
        let time = try #require(PointTime(text))
        #expect(time.moment(now: Self.now, Self.east).iso8601 == moment)
        #expect(try PointReference(text) == .time(time))
    }

    /// As long as it can be compared with others as text, and read back.
    @Test(arguments: [253_402_300_799_999, 253_402_300_800_000, Int64.max / 2])
    func aTimeAfterTheYear9999IsWrittenAsItsEnd(milliseconds: Int64) {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(time.iso8601 == "9999-12-31T23:59:59.999Z")
        #expect(time.seconds == "9999-12-31T23:59:59Z")
        #expect(Timestamp(iso8601: time.iso8601) != nil)
    }

    @Test(arguments: [
        "2026-13-01", "2026-11-31", "2026-11-26T", "2026-11-26T25:00", "2026-11-26T14:60", "2026-11-26T14",
        "2026-11-26T14:00+1", "2026-11-26T14:00+15:00", "2026-11-26T14:00:00.1234", "2026-11-26x14:00", "yesterday 6pm",
        "yesterday 25:00", "24:00", "18:0", "2 hours ago", "0h ago", "ago ago", "today+1",
    ])
    func whatIsNoTimeIsRefused(text: String) throws {
        #expect(PointTime(text) == nil)
        if text == "today+1" { return }
        let error = #expect(throws: BatchError.self) { try PointReference(text) }
        #expect(error?.message.hasPrefix("'\(text)' is not a time") == true)
        #expect(error?.code == .usage)
    }

    @Test(arguments: [
        ("import.3", PointReference.after(BatchID(job: "import", number: 3))),
        ("import.3^", .before(BatchID(job: "import", number: 3))), ("import^", .beforeLatest(job: "import")),
        ("latest", .latest), ("latest^", .beforeLatest(job: nil)), ("import", .revision("import")),
        ("2026", .revision("2026")), ("batch/import.3", .revision("batch/import.3")),
        ("deadbeef", .revision("deadbeef")),
    ])
    func otherNamesOfPointsAreNoTimes(text: String, reference: PointReference) throws {
        #expect(try PointReference(text) == reference)
        #expect(reference.description == text)
    }
}
