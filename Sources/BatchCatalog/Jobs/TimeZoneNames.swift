internal import BatchCore

/// The time zones that this machine knows.
public enum TimeZoneNames {
    private static let folder = "/usr/share/zoneinfo"

    /// Why a name is no time zone; nil when it is one, and where the machine has no list of them.
    public static func problem(with name: String) -> String? {
        if name == "UTC" || !FolderText.exists(folder) { return nil }
        if !name.split(separator: "/").contains(".."), FolderText.isFile(FolderText.join(folder, name)) { return nil }
        let area = name.split(separator: "/").dropLast().joined(separator: "/")
        let below = area.isEmpty ? folder : FolderText.join(folder, area)
        let known = ((try? FolderText.names(in: below)) ?? []).filter { !$0.hasPrefix(".") }
            .map { area.isEmpty ? $0 : "\(area)/\($0)" }
        return "there is no time zone '\(name)'\(Suggestion.clause(for: name, in: known))"
    }
}
