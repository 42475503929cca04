/// Which times of the calendar an expression names: as a clock on the wall shows them, in seconds since 1970-01-01
/// 00:00 on that clock. No zone is in it yet.
extension CronExpression {
    /// The first time from `start` on.
    func firstTime(from start: Int64, before end: Int64) -> Int64? {
        guard start < end else { return nil }
        let firstDay = start.quotient(flooredBy: 86_400)
        let second = Int(start - firstDay * 86_400)
        var (year, month, day) = Timestamp.civil(days: firstDay)
        while true {
            let monthStart = Timestamp.days(year: year, month: month, day: 1)
            if monthStart * 86_400 >= end { return nil }
            for candidate in matchingDays(year: year, month: month) where candidate >= day {
                let date = monthStart + Int64(candidate) - 1
                guard let time = timeOfDay(from: date == firstDay ? second : 0) else { continue }
                let found = date * 86_400 + Int64(time)
                return found < end ? found : nil
            }
            (year, month, day) = month == 12 ? (year + 1, 1, 1) : (year, month + 1, 1)
        }
    }

    private func timeOfDay(from second: Int) -> Int? {
        for hour in hours where hour >= second / 3_600 {
            for minute in minutes where hour * 60 + minute >= second / 60 {
                let start = hour * 3_600 + minute * 60
                if let found = seconds.first(where: { start + $0 >= second }) { return start + found }
            }
        }
        return nil
    }

    /// Ascending; empty when the month is none of the expression.
    private func matchingDays(year: Int64, month: Int64) -> [Int] {
        guard months.contains(Int(month)) else { return [] }
        let calendar = MonthCalendar(year: year, month: month)
        let extra = Set(calendarDays.compactMap(calendar.day))
        let extraWeekdays = Set(calendarWeekdays.compactMap(calendar.day))
        return (1...calendar.length).filter { day in
            let fitsDay = days.contains(day) || extra.contains(day)
            let fitsWeekday = weekdays.contains(calendar.weekday(of: day)) || extraWeekdays.contains(day)
            return restrictsDays && restrictsWeekdays ? fitsDay || fitsWeekday : fitsDay && fitsWeekday
        }
    }
}

/// One month of the Gregorian calendar.
private struct MonthCalendar {
    let length: Int
    /// Of the first day; 0 is Sunday.
    private let firstWeekday: Int

    init(year: Int64, month: Int64) {
        let first = Timestamp.days(year: year, month: month, day: 1)
        let next =
            month == 12
            ? Timestamp.days(year: year + 1, month: 1, day: 1) : Timestamp.days(year: year, month: month + 1, day: 1)
        length = Int(next - first)
        // 1970-01-01 was a Thursday.
        let shifted = first + 4
        firstWeekday = Int(shifted - shifted.quotient(flooredBy: 7) * 7)
    }

    func weekday(of day: Int) -> Int { (firstWeekday + day - 1) % 7 }

    func day(_ rule: CronExpression.CalendarDay) -> Int? {
        switch rule {
        case .last(let before): return before < length ? length - before : nil
        case .lastWorkday: return workday(nearest: length)
        case .workday(let day): return day <= length ? workday(nearest: day) : nil
        case .lastWeekday(let weekday): return length - (self.weekday(of: length) - weekday + 7) % 7
        case .nthWeekday(let weekday, let place):
            let day = 1 + (weekday - firstWeekday + 7) % 7 + (place - 1) * 7
            return day <= length ? day : nil
        }
    }

    private func workday(nearest day: Int) -> Int {
        switch weekday(of: day) {
        case 6: day > 1 ? day - 1 : day + 2
        case 0: day < length ? day + 1 : day - 2
        default: day
        }
    }
}
