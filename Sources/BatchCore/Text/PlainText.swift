/// Text of other programs, made fit for a message: it must not be able to move the cursor of a terminal.
public enum PlainText {
    public static func oneLine(_ text: String, limit: Int = 200) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            let isControl =
                scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
            line.unicodeScalars.append(isControl ? " " : scalar)
        }
        let trimmed = line.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
        return trimmed.count > limit ? String(trimmed.prefix(limit)) + "…" : String(trimmed)
    }
}
