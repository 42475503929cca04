public import BatchCatalog
public import BatchCore
public import BatchEngine

extension CommandContext {
    /// What the options name: a database alone, a folder, or the workspace around the current folder.
    /// - Throws: `ERR_UX_USAGE`, `ERR_UX_NO_WORKSPACE`, `ERR_UX_INVALID_CONFIGURATION`.
    public func workspace() throws(BatchError) -> Workspace {
        switch (globals.database, globals.workspace) {
        case (nil, nil): return try Workspace.find()
        case (let database?, nil): return .adHoc(database: database)
        case (nil, let folder?): return try Workspace.load(folder)
        case (_?, _?):
            throw BatchError(
                .usage, "--db and --workspace exclude each other", hint: "--db is for a database without a workspace")
        }
    }

    /// The database, opened to be looked at.
    public func view() throws(BatchError) -> Session {
        var context = work
        let isQuiet = globals.isQuiet
        let call = globals.call
        context.warn = { warning, hint in
            if isQuiet { return }
            let text = Printable.text("\(warning.code.rawValue): \(warning.text)")
            StandardStream.error.tryWrite("warning: \(text)\nhint: \(Printable.text(hint.text(call)))\n")
        }
        return try Session.view(try workspace(), tenant: globals.tenant, context: context)
    }
}
