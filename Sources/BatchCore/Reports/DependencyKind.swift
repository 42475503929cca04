/// Why a later batch would not be the same without an earlier one.
public enum DependencyKind: String, Sendable, CaseIterable {
    /// Its job `needs` the other.
    case declared
    /// It changed a row that the other had written.
    case row
    /// Its rows refer to rows of the other.
    case foreignKey = "foreign_key"
    /// It took a unique value that the other had freed.
    case unique
    /// It read columns that the other had written.
    case read
}
