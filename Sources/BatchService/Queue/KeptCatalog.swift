internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchSystem
internal import Synchronization

/// The catalog of a workspace, read again when one of its files has changed.
final class KeptCatalog: Sendable {
    private let workspace: Workspace
    private let known = Mutex<(print: [String], catalog: Catalog)?>(nil)

    init(_ workspace: Workspace) { self.workspace = workspace }

    func read(at now: Timestamp) throws(BatchError) -> Catalog {
        let print = filePrint(at: now)
        if let print, let known = known.withLock({ $0 }), known.print == print { return known.catalog }
        let read = try workspace.loadCatalog(StepRegistry.builtIn.rules())
        known.withLock { $0 = print.map { ($0, read) } }
        return read
    }

    /// How the files look from outside; nil when one has changed a moment ago and may change again unseen.
    private func filePrint(at now: Timestamp) -> [String]? {
        guard let folder = workspace.catalog, let names = try? Folder.names(in: folder) else { return nil }
        var print: [String] = []
        for name in names.sorted() {
            guard let file = FileFingerprint(path: "\(folder)/\(name)").read(at: now.milliseconds) else { return nil }
            print.append(name + file)
        }
        return print
    }
}
