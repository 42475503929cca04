/// A place in a text. Lines and columns count from 1; columns count characters as an editor does (code points).
struct YAMLMark: Hashable, Sendable {
    var line: Int
    var column: Int

    static let start = YAMLMark(line: 1, column: 1)
}
