import BatchCore
import Testing

/// When a circuit opens, is tried, and closes.
struct CircuitStateTests {
    private func at(_ seconds: Int64) -> Timestamp { Timestamp(milliseconds: seconds * 1_000) }
    private let limits = Circuit.Limits()

    @Test func itOpensAtFiveFailuresInARow() {
        var circuit = Circuit(name: "c", at: at(0))
        for second in 1...4 { circuit.note(success: false, at: at(Int64(second)), limits) }
        circuit.note(success: true, at: at(5), limits)
        for second in 6...9 { circuit.note(success: false, at: at(Int64(second)), limits) }
        #expect(circuit.state == .closed)
        circuit.note(success: false, at: at(10), limits)
        #expect(circuit.state == .open && circuit.retryAt == at(70))
    }

    @Test func itOpensWhenHalfOfTheLastTwentyFailed() {
        var circuit = Circuit(name: "c", at: at(0))
        for call in 0..<19 { circuit.note(success: call % 2 == 0, at: at(1), limits) }
        #expect(circuit.state == .closed)
        circuit.note(success: false, at: at(2), limits)
        #expect(circuit.state == .open)
    }

    /// Ten of twenty are half, whichever was the last.
    @Test(arguments: [10, 9]) func halfIsHalfAlsoWhenTheLastCallWorked(failed: Int) {
        var circuit = Circuit(name: "c", at: at(0))
        for call in 0..<20 { circuit.note(success: call % 2 == 1 || call >= failed * 2, at: at(1), limits) }
        #expect(circuit.state == (failed == 10 ? .open : .closed))
    }

    @Test func oneTriesAndTheTimeDoublesUpToFifteenMinutes() {
        var circuit = Circuit(name: "c", at: at(0))
        for _ in 0..<5 { circuit.note(success: false, at: at(0), limits) }
        var (now, pauses): (Int64, [Int64]) = (0, [])
        for _ in 0..<6 {
            pauses.append(circuit.pause / 1_000)
            let isEarly = circuit.admit(at: at(now + circuit.pause / 1_000 - 1))
            #expect(!isEarly)
            now += circuit.pause / 1_000
            let isFirst = circuit.admit(at: at(now))
            let isSecond = circuit.admit(at: at(now))
            #expect(isFirst && !isSecond, "one at a time makes the try")
            circuit.note(success: false, at: at(now), limits)
        }
        #expect(pauses == [60, 120, 240, 480, 900, 900])
        now += 900
        _ = circuit.admit(at: at(now))
        circuit.note(success: true, at: at(now), limits)
        #expect(circuit.state == .closed && circuit.outcomes.isEmpty)
    }

    @Test func whoDiedWithTheTryLeavesItToTheNext() {
        var circuit = Circuit(name: "c", at: at(0))
        for _ in 0..<5 { circuit.note(success: false, at: at(0), limits) }
        let isFirst = circuit.admit(at: at(60))
        let isSoon = circuit.admit(at: at(61))
        let isLater = circuit.admit(at: at(121))
        #expect(isFirst && !isSoon && isLater)
        // It may take as long as the circuit was open.
        circuit.note(success: false, at: at(130), limits)
        let seconds: [Int64] = [250, 370, 371]
        var admitted: [Bool] = []
        for second in seconds { admitted.append(circuit.admit(at: at(second))) }
        #expect(admitted == [true, false, true])
    }

    @Test func itIsKeptAsItIs() {
        var circuit = Circuit(name: "c", at: at(0))
        for _ in 0..<5 { circuit.note(success: false, at: at(0), limits) }
        #expect(Circuit(circuit.json) == circuit)
        circuit.open(because: "they move", at: at(3))
        #expect(Circuit(circuit.json) == circuit)
        let isAdmitted = circuit.admit(at: at(1_000_000))
        #expect(!isAdmitted, "a person closes what a person opened")
    }
}
