internal import BatchCore
internal import BatchEngine
internal import BatchHealing

extension Verb {
    private static let release = Option.required("name", .text("RELEASE"), "the release").main

    public static let releaseRecord = Verb(
        "release record", "keep what is in use now: catalog, configuration, schema, switches",
        options: [.value("name", .text("RELEASE"), "its name (default: made of the time)").main],
        topic: .govern, role: .operator, trace: .workspace,
        examples: [.init("batchmgr release record v7", "before something changes")])

    public static let releaseValidate = Verb(
        "release validate", "mark a release as working: release rollback goes back to the newest of these",
        options: [release], topic: .govern, role: .operator, trace: .workspace)

    public static let releaseList = Verb(
        "release list", "list the releases, the latest first", topic: .govern, role: .viewer, trace: .view)

    public static let releaseShow = Verb(
        "release show", "show what a release holds", options: [release], topic: .govern, role: .viewer, trace: .view)

    public static let releaseCompare = Verb(
        "release compare", "show what differs between a release and another one, or now",
        options: [release, .value("with", .text("RELEASE"), "the other one (default: what is in use now)").main],
        topic: .govern, role: .viewer, trace: .view)

    public static let releaseRollback = Verb(
        "release rollback", "put catalog and configuration back as a release has them",
        details: """
            The schema is compared first. When it differs, nothing is done (exit 4), and the batches that changed it \
            are named; with --with-batches they are undone with it, and what depends on them, in one transaction. Files that \
            the release does not have are moved beside the reports.
            """,
        options: [
            .value("name", .text("RELEASE"), "the release (default: the newest that was validated)").main,
            .flag("with-batches", "undo the batches that changed the schema since, and what depends on them"),
            .flag("dry-run", "say what would be done, and do nothing"),
        ],
        topic: .govern, role: .admin,
        examples: [.init("batchmgr release rollback --dry-run", "what would change?")])
}

extension Command {
    static let releaseRecord = Command(.releaseRecord) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.releases().record(arguments.value("name")))
        return .done
    }

    static let releaseValidate = Command(.releaseValidate) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.releases().validate(try arguments.required("name")))
        return .done
    }

    static let releaseList = Command(.releaseList) { (_, call) throws(BatchError) in
        try call.output.show(try call.releases().list())
        return .done
    }

    static let releaseShow = Command(.releaseShow) { (arguments, call) throws(BatchError) in
        try call.output.show(try call.releases().show(try arguments.required("name")))
        return .done
    }

    static let releaseCompare = Command(.releaseCompare) { (arguments, call) throws(BatchError) in
        try call.output.show(
            try call.releases().compare(try arguments.required("name"), arguments.value("with")))
        return .done
    }

    static let releaseRollback = Command(.releaseRollback) { (arguments, call) throws(BatchError) in
        let releases = try Releases(try call.session(), tool: VersionReport.version)
        try call.output.show(
            try releases.rollback(
                arguments.value("name"), isDryRun: arguments.has("dry-run"), withBatches: arguments.has("with-batches"))
        )
        return .done
    }
}

extension Call {
    fileprivate func releases() throws(BatchError) -> Releases { try Releases(try view(), tool: VersionReport.version) }
}
