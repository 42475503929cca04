import BatchCore
import BatchService
import TestSupport
import Testing

/// Vectors of other schedulers, where the folder is there. Each says which dialect it follows; where ours is another one,
/// the vector is named below with the reason, and what we answer is tested too.
@Suite struct CronVectorTests {
    struct Vector: CustomStringConvertible, Sendable {
        let file: String
        let cron: String
        let zone: String
        let after: Timestamp
        /// Nil: never.
        let next: Timestamp?

        var description: String { "\(file): \(cron) \(zone) after \(after.seconds)" }
    }

    /// Debian's cron takes a field that begins with `*` for one that restricts nothing, so that both days must fit; the
    /// others take a day that fits either.
    private static let eitherDay: Set = ["* * */10 * Sun", "0 0 0 */5 Apr,Aug,Oct Mon"]

    static let robfigVectors: [Vector] = vectors("robfig_cron.json") { file, document in
        let activations = (document["activation"]?.array ?? []).compactMap { entry -> Vector? in
            guard let cron = entry["expr"]?.string, let time = entry["at"]?.string.flatMap(timestamp) else {
                return nil
            }
            let before = Timestamp(milliseconds: time.milliseconds - 1_000)
            let fires = entry["fires"]?.bool == true
            return fires ? Vector(file: file, cron: cron, zone: "UTC", after: before, next: time) : nil
        }
        let next = ((document["next"]?.array ?? []) + (document["next_5field_tz"]?.array ?? [])).compactMap {
            entry -> Vector? in
            guard var cron = entry["expr"]?.string, var after = entry["after"]?.string else { return nil }
            var zone = "UTC"
            for mark in ["CRON_TZ=", "TZ="] {
                if cron.hasPrefix(mark) { (zone, cron) = cut(cron, mark) }
                if after.hasPrefix(mark) { (zone, after) = cut(after, mark) }
            }
            // Without a zone the clock is the one that the times are written in: India, half an hour off.
            if zone == "UTC", after.hasSuffix("+0530") { zone = "Asia/Kolkata" }
            guard let start = timestamp(after) else { return nil }
            return Vector(
                file: file, cron: cron, zone: zone, after: start, next: entry["next"]?.string.flatMap(timestamp))
        }
        return activations + next
    }

    static let gorhillVectors: [Vector] = vectors("gorhill_cronexpr.json") { file, document in
        (document["next"]?.array ?? []).compactMap { entry in
            guard let cron = entry["expr"]?.string, let after = entry["after"]?.string.flatMap({ Timestamp(text: $0) }),
                let next = entry["next"]?.string
            else { return nil }
            // The seventh field is a year; ours has none.
            let fields = cron.split(separator: " ")
            return Vector(
                file: file, cron: fields.prefix(6).joined(separator: " "), zone: "UTC", after: after,
                next: Timestamp(text: next.drop { !$0.isNumber }.description))
        }
    }

    private static func vectors(_ file: String, _ read: (String, JSONValue) -> [Vector]) -> [Vector] {
        guard let text = try? SharedData.text("cron/\(file)"),
            let document = try? JSONParser.parse(text)
        else { return [] }
        return read(file, document)
    }

    private static func cut(_ text: String, _ mark: String) -> (String, String) {
        let parts = text.dropFirst(mark.count).split(separator: " ", maxSplits: 1)
        return (String(parts[0]), String(parts[1]))
    }

    /// `Mon Jul 9 14:45:30 2012`, or a time with an offset.
    private static func timestamp(_ text: String) -> Timestamp? {
        if let time = Timestamp(text: text) { return time }
        let parts = text.split(separator: " ").map(String.init)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 5, let month = months.firstIndex(of: parts[1]) else { return nil }
        func pad(_ text: String) -> String { text.count < 2 ? "0" + text : text }
        return Timestamp(text: "\(parts[4])-\(pad(String(month + 1)))-\(pad(parts[2]))T\(parts[3])")
    }

    /// robfig/cron skips a time that clocks leave out and takes both of one that they show twice.
    @Test(arguments: robfigVectors) func robfig(_ vector: Vector) throws {
        let cron = CronExpression(vector.cron)
        guard let next = vector.next else {
            #expect(cron == nil)
            return
        }
        let times = FiringTimes(try #require(cron), clock: try TimeZones.clock(vector.zone), gap: .skip, fold: .both)
        let found = times.next(after: vector.after)
        if Self.eitherDay.contains(vector.cron) { #expect(found != next) } else { #expect(found == next) }
    }

    @Test(arguments: gorhillVectors) func gorhill(_ vector: Vector) throws {
        let times = FiringTimes(try #require(CronExpression(vector.cron)), clock: UTCClock())
        #expect(times.next(after: vector.after) == vector.next)
    }

    /// Due or not due at a minute; what is no expression of ours is not due.
    @Test func php() throws {
        guard let text = try SharedData.text("cron/php_cron_expr.json") else { return }
        for entry in try JSONParser.parse(text)["due"]?.array ?? [] {
            let cron = try #require(entry["expr"]?.string)
            let time = try #require(entry["time"]?.string.flatMap({ Timestamp(text: $0) }))
            let minute = Timestamp(milliseconds: time.milliseconds / 60_000 * 60_000)
            let before = Timestamp(milliseconds: minute.milliseconds - 1)
            let isDue = CronExpression(cron).map { FiringTimes($0, clock: UTCClock()).next(after: before) == minute }
            #expect(isDue ?? false == entry["due"]?.bool, "\(cron) \(time.seconds)")
        }
    }

    @Test func invalid() throws {
        guard let text = try SharedData.text("cron/robfig_cron.json") else { return }
        for cron in try JSONParser.parse(text)["invalid"]?.array ?? [] {
            #expect(CronExpression(cron.string ?? "0 0 * * *") == nil, "\(cron)")
        }
    }
}
