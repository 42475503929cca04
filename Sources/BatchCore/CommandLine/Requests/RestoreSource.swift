/// Which copy of a restore point a database is rebuilt from.
public enum RestoreSource: String, Sendable, CaseIterable {
    case git
    case bak
}
