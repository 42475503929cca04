import BatchCore
import Testing

/// What is usual is learnt from hours that differ: work by day and rest by night, weekends, hours without anything.
struct UsualValueTests {
    private static let hour: Int64 = 3_600_000
    /// A Monday.
    private static let start: Int64 = 1_772_409_600_000
    private static let fault = 3 * 168 + 2 * 24 + 10

    private enum Shape: String, CaseIterable {
        case flat
        case day
        case office
        case idleNights

        func level(_ hour: Int) -> Double {
            let (ofDay, isWeekend) = (hour % 24, hour / 24 % 7 >= 5)
            let isWork = (8..<18).contains(ofDay) && !isWeekend
            return switch self {
            case .flat: 100
            case .day: (isWeekend ? 50 : 100) * (1 + 0.6 * [0, 0.5, 1, 0.5, 0, -0.5, -1, -0.5][ofDay / 3])
            case .office: isWork ? 200 : 10
            case .idleNights: isWork ? 200 : 0
            }
        }
    }

    /// The same numbers each time, between -1 and 1.
    private struct Noise {
        var state: UInt64

        mutating func next() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / Double(UInt64(1) << 52) - 1
        }
    }

    private func rule(_ judgement: RuleDefinition.Judgement) -> RuleDefinition {
        let threshold: Double = judgement == .drift ? 4 : 8
        return RuleDefinition(
            id: "r", judgement: judgement, event: "e", threshold: threshold,
            side: judgement == .drift ? .high : .both, cooldown: 2 * UsualValueTests.hour)
    }

    /// - Parameter wild: what the values of some hours are multiplied with.
    /// - Returns: the hours in which it fired.
    private func fired(
        _ judgement: RuleDefinition.Judgement, _ shape: Shape, _ seed: UInt64, hours: Int = 672,
        wild: [Int: Double] = [:]
    ) -> (hours: [Int], learning: [String]) {
        var (stream, noise, found) = (RuleStream([rule(judgement)]), Noise(state: seed), [Int]())
        for hour in 0..<hours {
            let value = shape.level(hour) * (1 + 0.15 * noise.next()) * (wild[hour] ?? 1)
            let at = Timestamp(milliseconds: UsualValueTests.start + Int64(hour) * UsualValueTests.hour)
            if !stream.feed(RuleEvent(at: at, kind: "e", value: value)).isEmpty { found.append(hour) }
        }
        return (found, stream.learning)
    }

    @Test(arguments: [RuleDefinition.Judgement.spike, .drift]) func fourOrdinaryWeeksRaiseAtMostOneAlarmAWeek(
        _ judgement: RuleDefinition.Judgement
    ) {
        for shape in Shape.allCases {
            for seed in 1...5 {
                let found = fired(judgement, shape, UInt64(seed)).hours
                #expect(Set(found.map { $0 / 168 }).count == found.count, "\(shape) \(seed): \(found)")
            }
        }
    }

    @Test(arguments: [RuleDefinition.Judgement.spike, .drift]) func aFaultIsFoundWithinTwoHours(
        _ judgement: RuleDefinition.Judgement
    ) {
        let first = UsualValueTests.fault
        for shape in Shape.allCases {
            for seed in 1...5 {
                let wild = judgement == .drift ? [first: 4, first + 1: 4] : [first: 3.0]
                let found = fired(judgement, shape, UInt64(seed), wild: wild).hours
                #expect(found.contains { $0 == first || $0 == first + 1 }, "\(shape) \(seed): \(found)")
            }
        }
    }

    /// However large it was: what follows is as usual.
    @Test func aSingleWildValueIsOverWhenItIsOver() {
        let found = fired(.drift, .flat, 1, wild: [UsualValueTests.fault: 1_000]).hours
        #expect(found == [UsualValueTests.fault])
    }

    /// Hours of the week are known after three of them.
    @Test func itLearnsForThreeWeeks() {
        #expect(fired(.spike, .office, 1, hours: 503).learning == ["r"])
        #expect(fired(.spike, .office, 1, hours: 504).learning.isEmpty)
    }

    @Test func nothingIsJudgedByFewerThanThirtyValues() {
        #expect(fired(.spike, .flat, 1, hours: 40, wild: [29: 100]).hours.isEmpty)
        #expect(fired(.spike, .flat, 1, hours: 40, wild: [30: 100]).hours == [30])
    }
}
