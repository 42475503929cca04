import BatchCore
import BatchSystem
import Testing

@Suite struct LocalClockTests {
    @Test func theClockOfTheMachineKnowsItsOwnTimes() {
        for time in [0, 1_777_000_000_000, 1_793_000_000_000, 1_795_725_437_000].map(Timestamp.init(milliseconds:)) {
            #expect(LocalZone.system.moment(LocalZone.system.civil(time)) == time)
            #expect(LocalZone.utc.moment(LocalZone.utc.civil(time)) == time)
        }
    }
}
