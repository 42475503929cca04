internal import BatchCatalog
public import BatchCore
internal import CGLib
internal import Synchronization

/// The time zones of this machine, as GLib reads them from the system's time zone database. GLib's zones never change
/// once they are read, so that any number of threads may ask any of them at the same time.
public enum TimeZones {
    private static let known = Mutex<[String: SystemZone]>([:])

    /// - Parameter name: of the time zone database: `Europe/Paris`, `UTC`.
    /// - Throws: `ERR_UX_USAGE` when this machine knows no such zone.
    public static func clock(_ name: String) throws(BatchError) -> any ZoneClock {
        if name == "UTC" { return UTCClock() }
        if let zone = known.withLock({ $0[name] }) { return zone }
        // GLib would take a rule like `CET-1CEST` and a path as well.
        if let problem = TimeZoneNames.problem(with: name) {
            throw BatchError(.usage, problem, hint: "names are those of /usr/share/zoneinfo, e.g. Europe/Paris")
        }
        guard let zone = SystemZone(name) else {
            throw BatchError(
                .usage, "the time zone '\(name)' cannot be read",
                hint: "install the time zones of your distribution (Debian: tzdata)")
        }
        known.withLock { $0[name] = zone }
        return zone
    }
}

private final class SystemZone: ZoneClock {
    private static let century: Int64 = 100 * 366 * 86_400

    /// Read only; GLib counts its owners.
    nonisolated(unsafe) private let zone: OpaquePointer
    private let periods = Mutex<[ZonePeriod]>([])

    init?(_ name: String) {
        guard let zone = g_time_zone_new_identifier(name) else { return nil }
        self.zone = zone
    }

    deinit { g_time_zone_unref(zone) }

    func period(at second: Int64) -> ZonePeriod {
        if let found = periods.withLock({ $0.first { $0.start <= second && second < $0.end } }) { return found }
        let place = interval(second)
        let period = ZonePeriod(
            start: edge(of: place, from: second, step: -1).map { $0 + 1 } ?? .min,
            end: edge(of: place, from: second, step: 1) ?? .max,
            offset: Int64(g_time_zone_get_offset(zone, place)))
        periods.withLock { periods in
            if periods.count >= 64 { periods.removeAll() }
            periods.append(period)
        }
        return period
    }

    private func interval(_ second: Int64) -> Int32 { g_time_zone_find_interval(zone, cglib_universal_time, second) }

    /// The first second in that direction that is in another interval; nil when there is none within a century.
    private func edge(of place: Int32, from second: Int64, step: Int64) -> Int64? {
        var inside = second
        var distance: Int64 = 86_400
        while interval(second + step * distance) == place {
            inside = second + step * distance
            if distance > SystemZone.century { return nil }
            distance *= 2
        }
        var outside = second + step * distance
        while (outside - inside) * step > 1 {
            let middle = inside + (outside - inside) / 2
            if interval(middle) == place { inside = middle } else { outside = middle }
        }
        return outside
    }
}
