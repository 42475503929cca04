/// Who owns the rows of a database.
public enum Tenancy: String, Sendable, CaseIterable {
    case none
    case column
    case file
}
