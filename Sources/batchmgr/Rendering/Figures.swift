/// Numbers as people read them.
public enum Figures {
    /// `1,234,567`
    public static func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// `1 row`, `2 rows`
    public static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
        "\(grouped(number)) \(number == 1 ? noun : plural ?? noun + "s")"
    }

    /// `812 bytes`, `1.4 MB`: powers of 1,000, as disks are sold.
    public static func bytes(_ number: Int) -> String {
        var value = Double(number)
        for unit in ["bytes", "kB", "MB", "GB", "TB"] {
            if value < 1_000 { return unit == "bytes" ? "\(number) bytes" : "\(tenths(value)) \(unit)" }
            value /= 1_000
        }
        return "\(tenths(value)) PB"
    }

    /// `0:07`, `1:02:03`
    public static func clock(_ seconds: Double) -> String {
        let whole = seconds < 1e9 ? Int(seconds.rounded(.up)) : 999_999_999
        let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60)
        let tail = (rest < 10 ? "0" : "") + String(rest)
        guard hours > 0 else { return "\(minutes):\(tail)" }
        return "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(tail)"
    }

    /// Of milliseconds: `12 ms`, `1.4 s`, `2:05`
    public static func duration(_ milliseconds: Double) -> String {
        if milliseconds < 1_000 { return "\(Int(milliseconds.rounded())) ms" }
        return milliseconds < 60_000 ? "\(tenths(milliseconds / 1_000)) s" : clock(milliseconds / 1_000)
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
