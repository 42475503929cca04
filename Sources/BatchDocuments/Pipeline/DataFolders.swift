internal import BatchCore
internal import BatchSystem

/// The folders of the documents. Exactly one of `in`, `work`, `error`, `hold` and `archive` is the home of an input.
struct DataFolders: Sendable {
    let root: String

    var input: String { root + "/in" }
    var output: String { root + "/out" }
    var staging: String { root + "/work/_staging" }
    var index: String { root + "/index" }

    func work(_ key: String) -> String { "\(root)/work/\(key)" }
    func error(_ key: String) -> String { "\(root)/error/\(key)" }
    func archive(_ key: String) -> String { "\(root)/archive/\(key)" }
    var duplicates: String { "\(root)/hold/duplicates" }
    func held(_ key: String) -> String { "\(duplicates)/\(key)" }
    func quarantine(_ batch: BatchID) -> String { "\(root)/hold/rolled_back/\(batch)" }

    func create() throws(BatchError) {
        for name in [
            "in", "out", "work/_staging", "error", "archive", "hold/duplicates", "reports/duplicates", "index", "logs",
        ] { try Folder.create("\(root)/\(name)") }
    }

    /// Where the input of a document is now; nil when somebody has taken it away.
    func home(of key: String, _ name: String) -> String? {
        for folder in [work(key) + "/input", archive(key), error(key), held(key)]
        where Folder.exists("\(folder)/\(name)") {
            return "\(folder)/\(name)"
        }
        return nil
    }

    /// A free name in a folder.
    static func free(_ name: String, in folder: String) -> String {
        if !Folder.exists("\(folder)/\(name)") { return "\(folder)/\(name)" }
        var number = 2
        while Folder.exists("\(folder)/\(number)-\(name)") { number += 1 }
        return "\(folder)/\(number)-\(name)"
    }

    /// Moves a file, durable on both sides.
    static func move(_ from: String, to folder: String, as name: String) throws(BatchError) -> String {
        try Folder.create(folder)
        let target = free(name, in: folder)
        try DurableFile.move(from, to: target)
        return target
    }

    /// A name as it may stand in a folder of ours.
    static func plain(_ name: String) -> String {
        let text = String(
            name.map { character in
                let scalar = character.unicodeScalars.first?.value ?? 0
                return character == "/" || scalar < 32 || scalar == 127 ? "_" : character
            })
        let bytes = Array(text.utf8)
        if bytes.count <= 200 { return text.isEmpty || text.hasPrefix(".") ? "_" + text : text }
        let ending = text.split(separator: ".").last.map { $0.utf8.count < 10 ? "." + $0 : "" } ?? ""
        return String(String(text.prefix(120)).unicodeScalars.prefix(50)) + ending
    }
}
