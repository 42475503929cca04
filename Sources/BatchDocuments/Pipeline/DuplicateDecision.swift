internal import BatchCore
internal import BatchSystem

/// `decision.json` in the folder of a file that was here already: what a person, or a script, has decided about it. The
/// same as `ocr decide`; the next intake carries it out.
struct DuplicateDecision {
    static let file = "decision.json"
    /// What cannot be carried out gets this name, so that it is not tried for ever.
    static let rejected = "decision.rejected.json"

    let action: Documents.Decision
    /// A part of the key of the document that is read again; nil: a new one is made.
    let nonce: String?

    /// Of such a folder; the files of people in it have other names.
    static func isOurs(_ name: String) -> Bool { name == file || name == rejected }

    /// - Returns: nil when there is none; why not, when it says nothing that can be done.
    static func read(in folder: String) -> Result<DuplicateDecision, DocumentError>? {
        let path = "\(folder)/\(file)"
        guard Folder.exists(path) else { return nil }
        guard let bytes = try? DurableFile.read(path, atMost: 1 << 16),
            let json = try? JSONParser.parse(String(decoding: bytes, as: UTF8.self)),
            let wanted = json["action"]?.string, let action = actions.first(where: { $0.name == wanted })?.action
        else {
            let known = actions.map(\.name).joined(separator: ", ")
            return .failure(DocumentError(.unreadable, "it has no action, or another one than \(known)"))
        }
        return .success(DuplicateDecision(action: action, nonce: json["nonce"]?.string))
    }

    static let actions: [(name: String, action: Documents.Decision)] = [
        ("USE_EXISTING_RESULT", .reuse), ("DISCARD", .discard), ("FORCE_REPROCESS", .reprocess),
    ]

    /// Whether one waits to be carried out.
    static func isThere(_ folders: DataFolders) -> Bool {
        ((try? Folder.names(in: folders.duplicates)) ?? []).contains { Folder.exists("\(folders.held($0))/\(file)") }
    }
}
