import BatchCatalog
import BatchControl
import BatchCore
import BatchEngine
import BatchLedger
import BatchService
import BatchSystem
import Synchronization
import TestSupport
import Testing

/// Schedules in a workspace of their own, with a clock that the test holds.
private final class SchedulerScene: Sendable {
    let workspace: Workspace
    private let time = Mutex<Int64>(0)

    /// 2026-03-02 00:00, a Monday.
    static let start: Int64 = 1_772_409_600_000
    static let id = "0123456789abcdef0123456789abcdef"

    static func with(_ schedules: [String: String], _ body: (SchedulerScene) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            try Folder.create("\(folder)/catalog")
            for (name, schedule) in schedules {
                let text = """
                    id: \(name)
                    version: 1.0.0
                    schedule: {\(schedule)}
                    steps:
                      - {id: a, sql: SELECT 1}
                    """
                try DurableFile.write(Array(text.utf8), to: "\(folder)/catalog/\(name).yaml")
            }
            let text = "databases:\n  main: {path: app.db}\n"
            try DurableFile.write(Array(text.utf8), to: "\(folder)/batchmgr.yaml")
            try body(SchedulerScene(try Workspace.load(folder)))
        }
    }

    private init(_ workspace: Workspace) {
        self.workspace = workspace
        set(SchedulerScene.start)
    }

    var now: Timestamp { Timestamp(milliseconds: time.withLock { $0 }) }

    func set(_ milliseconds: Int64) { time.withLock { $0 = milliseconds } }
    func move(minutes: Int64) { time.withLock { $0 += minutes * 60_000 } }

    /// A context of its own for each service: it opens `control.db` for itself.
    var context: Context {
        Context(now: { [self] in now }, clock: .system, randomID: { SchedulerScene.id }, actor: "ann")
    }

    func service() throws -> Scheduler {
        var scheduler = try Scheduler(workspace, context: context)
        try scheduler.readCatalog()
        return scheduler
    }

    var schedules: Schedules { Schedules(workspace, context: context) }

    func store() throws -> any ControlStore { try context.store(of: workspace) }

    /// The instants of the jobs in the queue, in minutes since the start.
    func queued(_ schedule: String) throws -> [Int64] {
        try store().firings(of: schedule, limit: 10_000).filter { $0.job != nil }.map(\.instant).sorted()
            .map { ($0.milliseconds - SchedulerScene.start) / 60_000 }
    }

    /// Every job of a schedule is done.
    func finishAll() throws {
        let store = try store()
        while let job = try store.claim(.current(), at: now) {
            _ = try store.finish(job, .done(batch: "\(job.order.job).1"), at: now)
        }
    }
}

/// What a schedule of every `period` minutes has to do, as plainly as can be said.
private struct PlainSchedule {
    let period: Int64
    let catchUp: CatchUpRule
    let limit: Int
    private var seen: Int64
    private(set) var fired: Set<Int64> = []
    private(set) var count = 0

    init(period: Int64, _ catchUp: CatchUpRule, limit: Int = 3, from now: Int64) {
        self.period = period * 60_000
        self.catchUp = catchUp
        self.limit = limit
        seen = now
    }

    mutating func tick(_ now: Int64) {
        defer { seen = now }
        guard now > seen else { return }
        let due = Array(stride(from: (seen / period + 1) * period, through: now, by: Int64.Stride(period)))
        let onTime = due.filter { $0 > now - 60_000 }
        let late = due.filter { $0 <= now - 60_000 }
        var chosen = onTime
        switch catchUp {
        case .none: break
        case .latest: if onTime.isEmpty { chosen = late.suffix(1) }
        case .all: chosen = late.suffix(max(0, limit - onTime.count)) + onTime
        }
        for instant in chosen where fired.insert(instant).inserted { count += 1 }
    }

    /// Edited, or let go on after a pause.
    mutating func beginAnew(_ now: Int64) { seen = now }
}

struct SchedulerTests {
    private struct Chance: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
        }
    }

    /// Two services, restarts, a clock that is set back and forward, a machine that sleeps, schedules that are paused and
    /// go on: exactly the firings of the plain model, and none of them twice.
    @Test(arguments: 1...8)
    func firesAsThePlainModelSays(seed: UInt64) throws {
        let rules: [(String, Int64, CatchUpRule)] = [("none", 5, .none), ("latest", 15, .latest), ("all", 10, .all)]
        let texts = rules.map { name, period, rule in
            (name, "cron: \"*/\(period) * * * *\", catch_up: \(rule.rawValue), catch_up_limit: 3, overlap: queue")
        }
        try SchedulerScene.with(Dictionary(uniqueKeysWithValues: texts)) { scene in
            var chance = Chance(state: seed)
            var services = [try scene.service(), try scene.service()]
            var models = Dictionary(
                uniqueKeysWithValues: rules.map { name, period, rule in
                    (name, PlainSchedule(period: period, rule, from: scene.now.milliseconds))
                })
            for _ in 0..<120 {
                switch Int.random(in: 0..<20, using: &chance) {
                case 0: scene.move(minutes: -Int64.random(in: 1...90, using: &chance))
                case 1: scene.move(minutes: Int64.random(in: 30...600, using: &chance))
                case 2: services[Int.random(in: 0...1, using: &chance)] = try scene.service()
                case 3:
                    let name = chance.next() % 2 == 0 ? "none" : "all"
                    _ = try scene.schedules.pause(name, reason: "test")
                    scene.move(minutes: Int64.random(in: 0...45, using: &chance))
                    _ = try scene.schedules.resume(name)
                    models[name]?.beginAnew(scene.now.milliseconds)
                default: scene.set(scene.now.milliseconds + Int64.random(in: 100...90_000, using: &chance))
                }
                _ = try services[Int.random(in: 0...1, using: &chance)].tick()
                for name in models.keys { models[name]?.tick(scene.now.milliseconds) }
                // The other one, a moment later, finds nothing to do.
                _ = try services[Int.random(in: 0...1, using: &chance)].tick()
            }
            for (name, model) in models {
                let wanted = model.fired.sorted().map { ($0 - SchedulerScene.start) / 60_000 }
                #expect(try scene.queued(name) == wanted, "\(name), seed \(seed)")
                let jobs = try scene.store().queueJobs(QueueFilter(job: name))
                #expect(jobs.count == model.fired.count, "\(name), seed \(seed)")
            }
        }
    }

    @Test func twoServicesAtOnceFireOnce() throws {
        try SchedulerScene.with(["a": "cron: \"0 * * * *\""]) { scene in
            var (one, two) = (try scene.service(), try scene.service())
            scene.move(minutes: 60)
            #expect(try one.tick().count == 1)
            #expect(try two.tick().isEmpty)
            // A third that has decided before the others wrote has nothing to write.
            let store = try scene.store()
            var stale = try #require(try store.schedule("a"))
            stale.seenTo = Timestamp(milliseconds: SchedulerScene.start)
            let firing = PlannedFiring(instant: scene.now, decision: .queue(runAt: scene.now))
            #expect(
                try store.fire(stale, [firing], cause: .clock, seenTo: nil, at: scene.now) { time in
                    [QueueOrder(job: "a", runAt: time)]
                }.isEmpty)
            #expect(try store.queueJobs(QueueFilter()).count == 1)
        }
    }

    @Test func theMissedAreToldTogether() throws {
        try SchedulerScene.with(["a": "cron: \"*/10 * * * *\", catch_up: none"]) { scene in
            var service = try scene.service()
            scene.move(minutes: 65)
            let firings = try service.tick()
            #expect(firings.map(\.outcome) == [.missed])
            #expect(firings.first?.count == 6)
            #expect(try scene.queued("a").isEmpty)
            // They can be made up for, each once.
            let gaps = try scene.schedules.gaps("a", from: Timestamp(milliseconds: SchedulerScene.start), to: scene.now)
            #expect(gaps.count == 7)
            #expect(try scene.schedules.backfill("a", gaps).jobs.count == 7)
            #expect(try scene.schedules.backfill("a", gaps).jobs.isEmpty)
            #expect(try scene.queued("a") == [0, 10, 20, 30, 40, 50, 60])
        }
    }

    @Test(arguments: OverlapRule.allCases)
    func whatOverlapsGoesByItsRule(rule: OverlapRule) throws {
        try SchedulerScene.with(["a": "cron: \"0 * * * *\", overlap: \(rule.rawValue)"]) { scene in
            var service = try scene.service()
            for _ in 0..<2 {
                scene.move(minutes: 60)
                _ = try service.tick()
            }
            let states = try scene.store().queueJobs(QueueFilter()).map(\.state)
            switch rule {
            case .skip:
                #expect(states == [.queued])
                let skipped = try #require(try scene.store().firings(of: "a", limit: 1).first)
                #expect(skipped.outcome == .skipped)
                #expect(skipped.reason == "job 1 of an earlier firing is not done")
            case .queue: #expect(states == [.queued, .queued])
            case .cancel: #expect(states == [.queued, .cancelled])
            }
            try scene.finishAll()
            scene.move(minutes: 60)
            #expect(try service.tick().first?.outcome == .queued)
        }
    }

    @Test func jitterIsTheSameEachTimeAndWithinItsSpan() throws {
        var definition = ScheduleDefinition(cron: "0 * * * *")
        definition.jitter = .seconds(600)
        let rule = try definition.rule(named: "a")
        let instants = rule.next(50, after: Timestamp(milliseconds: SchedulerScene.start))
        let delays = instants.map { rule.runAt($0, $0).milliseconds - $0.milliseconds }
        #expect(delays.allSatisfy { (0..<600_000).contains($0) })
        #expect(Set(delays).count > 40)
        #expect(try definition.rule(named: "a").runAt(instants[7], instants[7]) == rule.runAt(instants[7], instants[7]))
        #expect(try definition.rule(named: "b").runAt(instants[7], instants[7]) != rule.runAt(instants[7], instants[7]))
    }

    @Test(arguments: [
        ("2026-03-02T12:00:00.000Z", "UTC", "22:00-06:00", "2026-03-02T22:00:00.000Z"),
        ("2026-03-02T23:30:00.000Z", "UTC", "22:00-06:00", "2026-03-02T23:30:00.000Z"),
        ("2026-03-02T05:59:00.000Z", "UTC", "22:00-06:00", "2026-03-02T05:59:00.000Z"),
        ("2026-03-02T06:00:00.000Z", "UTC", "22:00-06:00", "2026-03-02T22:00:00.000Z"),
        ("2026-03-02T18:00:00.000Z", "UTC", "09:00-17:00", "2026-03-03T09:00:00.000Z"),
        // The clocks are put forward in the night to the 29th.
        ("2026-03-28T20:00:00.000Z", "Europe/Paris", "09:00-17:00", "2026-03-29T07:00:00.000Z"),
    ])
    func aJobBeginsInItsWindow(time: String, zone: String, window: String, begin: String) throws {
        var definition = ScheduleDefinition(cron: "0 * * * *", timezone: zone)
        definition.window = DayWindow(window)
        let instant = try #require(Timestamp(iso8601: time))
        #expect(try definition.rule(named: "a").runAt(instant, instant).iso8601 == begin)
    }

    @Test func nothingFiresOnABlackoutDate() throws {
        let text = "cron: \"0 12 * * *\", timezone: Pacific/Auckland, blackout: [2026-03-03, 2026-03-05..2026-03-06]"
        try SchedulerScene.with(["a": text]) { scene in
            var service = try scene.service()
            for _ in 0..<(6 * 24) {
                scene.move(minutes: 60)
                _ = try service.tick()
                try scene.finishAll()
            }
            let firings = try scene.store().firings(of: "a", limit: 10)
            #expect(firings.filter { $0.outcome == .skipped }.count == 3)
            #expect(firings.filter { $0.outcome == .queued }.count == 3)
            #expect(firings.contains { $0.reason == "2026-03-03 is a blackout date" })
            #expect(firings.contains { $0.reason == "2026-03-05 is a blackout date (2026-03-05..2026-03-06)" })
        }
    }

    /// What is shown as the next firings is what will fire.
    @Test(arguments: [
        ("0 12 * * *", "Pacific/Auckland", ["2026-03-03T23", "2026-03-06T23", "2026-03-07T23"]),
        ("0 23 * * *", "America/Los_Angeles", ["2026-03-02T07", "2026-03-03T07", "2026-03-05T07", "2026-03-08T07"]),
        ("0 0 * * *", "UTC", ["2026-03-02T00", "2026-03-04T00", "2026-03-07T00"]),
        ("0 0 5 3 *", "UTC", ["2027-03-05T00"]),
    ])
    func blackoutDatesAreNoNextFirings(cron: String, zone: String, wanted: [String]) throws {
        var definition = ScheduleDefinition(cron: cron, timezone: zone)
        definition.blackout = ["2026-03-03", "2026-03-05..2026-03-06"].compactMap(DateSpan.init)
        let start = try #require(Timestamp(iso8601: "2026-03-01T12:00:00.000Z"))
        let found = try definition.rule(named: "a").firings(9, after: start).map { String($0.iso8601.prefix(13)) }
            .filter { !$0.hasPrefix("2026-03-01") }
        #expect(Array(found.prefix(wanted.count)) == wanted)
    }

    @Test func aScheduleWaitsForThoseThatItNeeds() throws {
        let texts = ["load": "cron: \"0 1 * * *\"", "report": "cron: \"0 2 * * *\", needs: [load], within: 3h"]
        try SchedulerScene.with(texts) { scene in
            var service = try scene.service()
            scene.move(minutes: 60)
            _ = try service.tick()
            scene.move(minutes: 60)
            #expect(try service.tick().map(\.outcome) == [.waiting])
            scene.move(minutes: 5)
            #expect(try service.tick().isEmpty)
            try scene.finishAll()
            #expect(try service.tick().map(\.schedule) == ["report"])
            // Those that waited know the trace of their firing too.
            let jobs = try scene.store().queueJobs(QueueFilter())
            #expect(jobs.allSatisfy { $0.order.origin?.traceID == SchedulerScene.id })
            #expect(try scene.queued("report") == [120])
            try scene.finishAll()
            // The next night nothing is loaded: it waits so long as it may, and then does not happen.
            scene.set(SchedulerScene.start + 25 * 3_600_000)
            _ = try service.tick()
            scene.move(minutes: 60)
            _ = try service.tick()
            scene.move(minutes: 181)
            let given = try service.tick()
            #expect(given.map(\.outcome) == [.skipped])
            #expect(given.first?.reason == "load was not done in time")
        }
    }

    /// Nothing of the past fires when a schedule is changed, added or let go on.
    @Test func aChangedScheduleBeginsNow() throws {
        try SchedulerScene.with(["a": "cron: \"*/10 * * * *\""]) { scene in
            var service = try scene.service()
            _ = try scene.schedules.pause("a", reason: "test")
            scene.move(minutes: 45)
            #expect(try service.tick().isEmpty)
            _ = try scene.schedules.resume("a")
            #expect(try service.tick().isEmpty)
            let file = "\(scene.workspace.folder)/catalog/a.yaml"
            let text = """
                id: a
                version: 1.0.1
                schedule: {cron: "*/5 * * * *"}
                steps:
                  - {id: a, sql: SELECT 1}
                """
            scene.move(minutes: 7)
            try DurableFile.write(Array(text.utf8), to: file)
            #expect(try service.tick().isEmpty)
            scene.move(minutes: 3)
            #expect(try service.tick().map(\.instant) == [scene.now])
            // A file that cannot be read keeps the schedule; one that is gone takes it.
            try DurableFile.write(Array("id: a\nsteps: 5\n".utf8), to: file)
            scene.move(minutes: 5)
            _ = try service.tick()
            #expect(try scene.store().schedule("a") != nil)
            try DurableFile.remove(file)
            _ = try service.tick()
            #expect(try scene.store().schedule("a") == nil)
        }
    }

    @Test func aScheduleIsAddedWithItsNextFirings() throws {
        try SchedulerScene.with(["a": "cron: \"0 1 * * *\""]) { scene in
            let schedules = scene.schedules
            let added = try schedules.add("often", job: "a", ScheduleDefinition(cron: "0 * * * *"), replacing: false)
            #expect(added.next?.times.count == 5)
            #expect(throws: BatchError.self) {
                try schedules.add("often", job: "a", ScheduleDefinition(cron: "0 * * * *"), replacing: false)
            }
            let wrong = #expect(throws: BatchError.self) {
                try schedules.add("bad", job: "a", ScheduleDefinition(cron: "0 25 * * *"), replacing: false)
            }
            #expect(wrong?.message.contains("hour") == true)
            #expect(throws: BatchError.self) { try schedules.remove("a") }
            #expect(try schedules.trigger("often").jobs == [1])
            #expect(try schedules.remove("often").change == .removed)
            #expect(try schedules.list().schedules.map(\.name) == ["a"])
        }
    }
}
