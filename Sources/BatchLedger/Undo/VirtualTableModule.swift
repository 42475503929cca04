/// What the text of a virtual table says about undoing it by its content.
struct VirtualTableModule {
    enum Rebuilding {
        /// The module builds its index from another table.
        case fromContent
        /// The rows were undone through the virtual table.
        case byRows
        case impossible
    }

    let name: String
    let rebuilding: Rebuilding

    /// An R*Tree.
    var isTree: Bool { name == "rtree" || hasIntegers }
    /// An R*Tree whose coordinates are whole numbers.
    var hasIntegers: Bool { name == "rtree_i32" }

    init(_ sql: String) {
        let lowered = sql.lowercased()
        let words = lowered.split { !($0.isLetter || $0.isNumber || $0 == "_") }
        name = words.firstIndex(of: "using").flatMap { $0 + 1 < words.count ? String(words[$0 + 1]) : nil } ?? ""
        let compact = lowered.filter { !$0.isWhitespace }
        guard name.hasPrefix("fts") else {
            rebuilding = .impossible
            return
        }
        if compact.contains("content=''") || compact.contains("content=\"\"") {
            rebuilding = .impossible
        } else {
            rebuilding = compact.contains("content=") ? .fromContent : .byRows
        }
    }
}
