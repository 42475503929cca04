internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Finds the home of a database, and tells the original from its copies.
struct HomeSearch {
    let ledger: Ledger
    /// Without links.
    let path: String
    /// Where a database without a home gets one.
    let standard: Home

    enum State: Hashable {
        /// There is no ledger, or one that was never in a home: of version 0.1, or made in a host.
        case unplaced
        case here
        /// The file has another name, or another place on the disk.
        case moved
        /// The original is at this path.
        case copy(of: String)
    }

    struct Answer {
        let home: Home
        let state: State
    }

    private var folder: String { FolderText.parent(path) }

    /// - Throws: `ERR_UX_WRONG_STATE` when the file is a second name of a database, or was moved without its home.
    func look() throws(BatchError) -> Answer {
        guard let entry = try HomeEntry(ledger) else { return Answer(home: try lostHome(), state: .unplaced) }
        guard let own = Home.FileIdentity(of: path), let recorded = entry.path, let branch = entry.branch,
            let home = try home(entry, branch)
        else { return Answer(home: try firstHome(entry), state: .unplaced) }
        let register = try HomeRegister(home: home).entry(ofLedger: entry.ledger, branch: branch)
        for other in Set([recorded, register?.path ?? recorded]).sorted() where other != path {
            guard let identity = Home.FileIdentity(of: other), FolderText.resolved(other) != path else { continue }
            if identity == own { throw secondName(of: other) }
            guard HomeEntry.read(other)?.ledger == entry.ledger else { continue }
            // Both say that they are the database: the register of the home knows, or else the ledger itself.
            let owner = register?.file ?? entry.file?.text
            if owner != own.text { return Answer(home: try newHome(), state: .copy(of: other)) }
        }
        if let original = try renamedOriginal(entry, register, own) {
            return Answer(home: try newHome(), state: .copy(of: original))
        }
        let isHere =
            recorded == path && entry.file == own && register?.path == path && register?.file == own.text
        let place = Home(folder: home, branch: branch, tags: entry.tags ?? Home.standardTags)
        if isHere { return Answer(home: place, state: .here) }
        return Answer(home: try apart(place, entry.ledger, own), state: .moved)
    }

    /// Names that no other database has in the folder, where somebody put two homes together.
    private func apart(_ home: Home, _ id: String, _ own: Home.FileIdentity) throws(BatchError) -> Home {
        // The same file under another id is no other database: somebody has written into its ledger.
        let others = try HomeRegister(home: home.folder).entries().filter {
            $0.ledger != id && ($0.path != path || $0.file != own.text)
        }
        if others.contains(where: { $0.branch == home.branch }) { return try named(home, id) }
        var home = home
        if others.contains(where: { $0.tags == home.tags }) { home.tags = home.branch + "/" + Home.standardTags }
        return home
    }

    /// The original was renamed, and has not been used since: it is known by its place on the disk.
    private func renamedOriginal(
        _ entry: HomeEntry, _ register: HomeRegister.Entry?, _ own: Home.FileIdentity
    ) throws(BatchError) -> String? {
        guard let owner = register?.file ?? entry.file?.text, owner != own.text else { return nil }
        let folders = Set([entry.path, register?.path, path].compactMap(\.self).map(FolderText.parent))
        for folder in folders.sorted() {
            for name in try FolderText.names(in: folder) {
                let other = FolderText.join(folder, name)
                if other != path, Home.FileIdentity(of: other)?.text == owner,
                    HomeEntry.read(other)?.ledger == entry.ledger
                {
                    return other
                }
            }
        }
        return nil
    }

    private func secondName(of other: String) -> BatchError {
        BatchError(
            .wrongState,
            "\(path) is a second name (a hard link) of the database \(other), and SQLite keeps its log beside one name",
            hint: "use that name: \(command: "--db \(other) list")")
    }

    // MARK: Folder

    /// The folder that a ledger names. It has to be where the database is, or where it was.
    private func home(_ entry: HomeEntry, _ branch: String) throws(BatchError) -> String? {
        guard let home = entry.folder(from: folder) else { return nil }
        if try HomeRegister(home: home).entry(ofLedger: entry.ledger, branch: branch) != nil { return home }
        guard let former = entry.path.map(FolderText.parent), former != folder,
            let left = entry.folder(from: former), left != home,
            try HomeRegister(home: left).entry(ofLedger: entry.ledger, branch: branch) != nil
        else { return home }
        // A copy begins anew, wherever it is.
        if let original = entry.path, HomeEntry.read(original)?.ledger == entry.ledger { return left }
        throw BatchError(
            .wrongState, "\(path) was moved without its home: its copies and its history are in \(left)",
            hint: "move that folder to \(home), or leave it there: \(command: "home set --to \(left)")")
    }

    /// A database of version 0.1 has its copies where it was called from last.
    private func firstHome(_ entry: HomeEntry) throws(BatchError) -> Home {
        var home = standard
        let beside = FolderText.join(folder, "backups/batch_manager")
        if beside != standard.folder, let last = try ledger.lastPoint(where: "bak IS NOT NULL")?.bak,
            !FolderText.exists("\(standard.folder)/\(last)"), FolderText.exists("\(beside)/\(last)")
        {
            home.folder = beside
        }
        return try named(home, entry.ledger)
    }

    private func newHome() throws(BatchError) -> Home { try named(standard, nil) }

    /// Of a database without a ledger: what stood at its place before may be wanted back.
    /// - Parameter mayHaveMoved: the file is lost, and its folder may have been moved here: a home with one database of
    ///   this name, which is no longer where it was, is its home.
    func lostHome(mayHaveMoved: Bool = false) throws(BatchError) -> Home {
        let entries = try HomeRegister(home: standard.folder).entries()
        let gone = entries.filter { FilePath.name($0.path) == FilePath.name(path) && !FolderText.exists($0.path) }
        if mayHaveMoved, gone.count == 1, !entries.contains(where: { $0.path == path }) {
            return Home(folder: standard.folder, branch: gone[0].branch, tags: gone[0].tags)
        }
        if let former = entries.last(where: { $0.path == path }) {
            return Home(folder: standard.folder, branch: former.branch, tags: former.tags)
        }
        return entries.isEmpty ? standard : try named(standard, nil)
    }

    /// What stood at the place of a database that has no points: another database, which it does not know.
    func former() throws(BatchError) -> HomeRegister.Entry? {
        let id = try HomeEntry(ledger)?.ledger
        return try HomeRegister(home: standard.folder).entries().last { $0.path == path && $0.ledger != id }
    }

    // MARK: Names

    /// A name that no other database has in the home.
    /// - Parameter id: of the ledger; nil for one that has no id yet.
    func named(_ home: Home, _ id: String?) throws(BatchError) -> Home {
        var home = home
        let entries = try HomeRegister(home: home.folder).entries()
        let others = entries.filter { $0.ledger != id }
        let git = GitStore(path: home.folder + "/history.git")
        let tips = (try? git.tips()) ?? [:]
        let own = Set(id == nil ? [] : (try? ledger.points(where: "commit_id IS NOT NULL"))?.compactMap(\.commit) ?? [])
        func isFree(_ name: String) -> Bool { !others.contains { $0.branch == name } }
        if let known = entries.first(where: { $0.ledger == id }) {
            home.branch = known.branch
            home.tags = known.tags
            return home
        }
        let owned = tips.filter { isFree($0.key) && own.contains($0.value) }.keys.sorted()
        if let name = owned.first(where: { $0 == home.branch }) ?? owned.first {
            home.branch = name
        } else if !isFree(home.branch) || tips[home.branch] != nil || home.branch == "batch" {
            home.branch += "-" + (id ?? "new").prefix(8)
        }
        let isTaken = others.contains { $0.tags == Home.standardTags } || (owned.isEmpty && !tips.isEmpty)
        home.tags = isTaken ? home.branch + "/" + Home.standardTags : Home.standardTags
        return home
    }
}

// MARK: Placing

extension Session {
    /// Writes into the ledger and the home where the database belongs. A copy becomes a database of its own: with an
    /// id, a home and a lease that are not the original's. Call it in the transaction that takes the lease.
    func settleHome() throws(BatchError) {
        guard !isStandIn, let own = Home.FileIdentity(of: path) else { return }
        let search = try homeSearch()
        var found = try search.look()
        let previous = try HomeEntry(ledger)
        guard var entry = previous else { return }
        if case .copy(let original) = found.state {
            let former = entry.ledger
            entry.ledger = context.randomID()
            try connection.run("UPDATE main.batchmgr_lease SET process = NULL, token = NULL")
            try connection.run("DELETE FROM main.batchmgr_points")
            try connection.run("DELETE FROM main.batchmgr_files")
            try ledger.setMeta(PendingErasure.key, "")
            found = .init(home: try search.named(search.standard, entry.ledger), state: found.state)
            try entry.write(to: ledger)
            if try ledger.state() != nil { try PointKeeper(session: self).intend(.baseline) }
            try ledger.audit(
                "home", batch: nil, outcome: "copied",
                details: ["of": .string(original), "database_id": .string(entry.ledger), "former": .string(former)],
                context: context.shared)
        }
        for table in ["batchmgr_bak_manifest", "batchmgr_bak_block"] {
            try connection.execute("DROP TABLE IF EXISTS \(table)")
        }
        home = found.home
        try place(entry, own)
        let isRenamed = entry.branch.map { $0 != home.branch } ?? false || entry.tags.map { $0 != home.tags } ?? false
        if isRenamed { try beginBranch() }
        if found.state == .unplaced || isRenamed { try tagAnew() }
    }

    /// Somebody put two homes with one branch together: the commits of this database can be reached again.
    private func beginBranch() throws(BatchError) {
        guard git.exists else { return }
        if let last = try ledger.lastPoint(where: "commit_id IS NOT NULL")?.commit.flatMap({ CommitID($0) }),
            git.present([last]).contains(last)
        {
            try git.begin(branch: branch, at: last)
        }
    }

    /// Two databases of version 0.1 in one folder took each other's tags, and so do two whose homes were put together:
    /// this one gets its own again.
    private func tagAnew() throws(BatchError) {
        guard git.exists else { return }
        let names = try ledger.names(of: Set(try ledger.batches(where: "status = 'committed'").map(\.seq)))
        var last: [Int64: CommitID] = [:]
        for point in try ledger.points(where: "status = 'complete'") where names[point.batch] != nil {
            last[point.batch] = point.commit.flatMap { CommitID($0) }
        }
        let present = git.present(Array(last.values))
        for (batch, commit) in last.sorted(by: { $0.key < $1.key }) where present.contains(commit) {
            if let name = names[batch] { try git.tag(name, at: commit) }
        }
    }

    private func place(_ former: HomeEntry, _ own: Home.FileIdentity) throws(BatchError) {
        var entry = former
        entry.home = HomeEntry.text(home.folder, from: FolderText.parent(path))
        entry.path = path
        entry.file = own
        entry.branch = home.branch
        entry.tags = home.tags
        if workspace.file != nil { entry.workspace = workspace.folder }
        try HomeRegister(home: home.folder).write(
            .init(
                ledger: entry.ledger, branch: home.branch, tags: home.tags, path: path, file: own.text))
        context.reach("home-registered")
        try entry.write(to: ledger)
    }

    func homeSearch() throws(BatchError) -> HomeSearch {
        HomeSearch(ledger: ledger, path: path, standard: standardHome)
    }

    /// `home set`: the copies and the history are there from now on.
    /// - Throws: `ERR_UX_WRONG_STATE` when the folder is another database's, or holds nothing of this one.
    func moveHome(to folder: String) throws(BatchError) {
        guard let own = Home.FileIdentity(of: path), let entry = try HomeEntry(ledger) else { return }
        let register = HomeRegister(home: folder)
        let known = try register.entries().first { $0.ledger == entry.ledger }
        if known == nil {
            let points = try ledger.points(where: "bak IS NOT NULL")
            let isThere = points.isEmpty || points.contains { FolderText.exists("\(folder)/\($0.bak ?? "")") }
            guard isThere else {
                throw BatchError(
                    .wrongState, "\(folder) holds none of the copies of \(path)",
                    hint: "see where they are: \(command: "home show"); move them there first")
            }
        }
        var next = standardHome
        next.folder = folder
        next.branch = entry.branch ?? next.branch
        if let known {
            home = Home(folder: folder, branch: known.branch, tags: known.tags)
        } else {
            home = try homeSearch().named(next, entry.ledger)
        }
        try place(entry, own)
        try beginBranch()
        try tagAnew()
    }
}
