internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHealing

/// `/api/releases/…`, `/api/circuits/…`, `/api/degrade…`, `/api/rules`: what is in use, and what is held back.
enum ReleaseRoutes {
    private static let name = Parameter(
        "name", .text(pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"), "a release")
    private static let circuit = Parameter(
        "name", .text(pattern: "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"), "a circuit")
    private static let module = Parameter.job("module", "only this module")

    static let all: [Route] = releases + holds

    private static let releases: [Route] = [
        Route(
            method: .get, path: "/api/releases", name: "listReleases", summary: "The releases, the latest first",
            access: .role(.viewer), hasTenants: false, answer: .report(["releases"]),
            perform: { (call) throws(BatchError) in call.report(try call.releases().list()) }),
        Route(
            method: .get, path: "/api/releases/{name}/compare", name: "compareRelease",
            summary: "What differs between a release and another one, or now", access: .role(.viewer),
            hasTenants: false, places: [name],
            query: [Parameter("with", name.shape, "the other one (default: what is in use now)")],
            answer: .report(["from", "to", "differences"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.releases().compare(try call.required("name"), call.value("with")))
            }),
        Route(
            method: .post, path: "/api/releases", name: "recordRelease",
            summary: "Keep what is in use now: catalog, configuration, schema, switches", access: .role(.operator),
            hasTenants: false, action: "release record", body: [name], answer: .report(["release"]),
            perform: { (call) throws(BatchError) in call.report(try call.releases().record(call.value("name"))) }),
        Route(
            method: .post, path: "/api/releases/{name}/validate", name: "validateRelease",
            summary: "Mark a release as working", access: .role(.operator), hasTenants: false,
            action: "release validate", places: [name], answer: .report(["release"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.releases().validate(try call.required("name")))
            }),
        Route(
            method: .post, path: "/api/releases/{name}/rollback", name: "rollbackRelease",
            summary: "Put catalog and configuration back as a release has them", access: .role(.admin),
            hasTenants: false, action: "release rollback", places: [name],
            body: [
                Parameter("with_batches", .boolean, "undo the batches that changed the schema since"), .dryRun,
            ],
            answer: .report(["release", "restored", "batches"]),
            perform: { (call) throws(BatchError) in
                let releases = try Releases(try call.session(), tool: call.api.version)
                return call.report(
                    try releases.rollback(
                        try call.required("name"), isDryRun: call.flag("dry_run"),
                        withBatches: call.flag("with_batches")))
            }),
    ]

    private static let holds: [Route] = [
        Route(
            method: .get, path: "/api/rules", name: "listRules", summary: "What each rule judges, and what follows",
            access: .role(.viewer), hasTenants: false, answer: .report(["rules"]),
            perform: { (call) throws(BatchError) in call.report(try Rules(try call.view()).list()) }),
        Route(
            method: .get, path: "/api/circuits", name: "listCircuits",
            summary: "Which programs and plugins are not called because they failed too often", access: .role(.viewer),
            hasTenants: false, answer: .report(["circuits"]),
            perform: { (call) throws(BatchError) in call.report(try call.circuits().list()) }),
        Route(
            method: .post, path: "/api/circuits/{name}/open", name: "openCircuit", summary: "Stop calling something",
            access: .role(.admin), hasTenants: false, action: "circuit open", places: [circuit], body: [.reason],
            answer: .report(["circuits"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.circuits().open(try call.required("name"), reason: try call.required("reason")))
            }),
        Route(
            method: .post, path: "/api/circuits/{name}/close", name: "closeCircuit",
            summary: "Call something again at once", access: .role(.admin), hasTenants: false, action: "circuit close",
            places: [circuit], answer: .report(["circuits"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.circuits().close(try call.required("name")))
            }),
        Route(
            method: .post, path: "/api/degrade", name: "degrade",
            summary: "Hold back all modules that the application can do without", access: .role(.admin),
            hasTenants: false, action: "degrade on", body: [module, .reason],
            answer: .report(["degraded", "switches"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try Degradation(call.workspace, context: call.context).begin(
                        module: call.value("module"), reason: try call.required("reason")))
            }),
        Route(
            method: .post, path: "/api/degrade/end", name: "endDegrade",
            summary: "End degraded mode: each module is set back to what it was", access: .role(.admin),
            hasTenants: false,
            action: "degrade off", body: [module, .reason], answer: .report(["degraded", "switches"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try Degradation(call.workspace, context: call.context).end(
                        module: call.value("module"), reason: try call.required("reason")))
            }),
        Route(
            method: .get, path: "/api/modules", name: "listModules",
            summary: "The modules and flags of the catalog, with their values", access: .role(.viewer),
            hasTenants: false, answer: .report(["modules", "flags"]),
            perform: modules),
        Route(
            method: .post, path: "/api/switches/undo", name: "undoSwitch",
            summary: "Set a switch back to its previous value", access: .role(.admin),
            hasTenants: false, action: "switch undo", body: [Parameter.text("name", "a switch").required, .reason],
            answer: .report(["switch"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try SwitchSetting(call.workspace, context: call.context).undo(
                        try call.required("name"), reason: try call.required("reason")))
            }),
    ]

    private static func modules(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let declared = try ModuleList.load(folder: call.workspace.catalog).valid()
        let set = try SwitchSetting(call.workspace, context: call.context).list(history: false).entries.map(\.state)
        func value(_ name: SwitchName) -> String? { set.first { $0.name == name }?.value.rawValue }
        let modules = declared.modules.map { module -> JSONValue in
            [
                "id": .string(module.id), "description": .string(module.description),
                "critical": .bool(module.isCritical), "state": .string(value(.module(module.id)) ?? "on"),
                "tables": .array(module.tables.map(JSONValue.string)),
            ]
        }
        let flags = declared.flags.map { flag -> JSONValue in
            let chosen = value(.flag(flag.id))
            return [
                "id": .string(flag.id), "description": .string(flag.description), "module": JSONValue(flag.module),
                "sensitive": .bool(flag.isSensitive), "on": .bool(chosen.map { $0 == "on" } ?? flag.isOn),
                "switched": .bool(chosen != nil),
            ]
        }
        return .json(["format_version": 1, "modules": .array(modules), "flags": .array(flags)])
    }
}

extension APICall {
    fileprivate func releases() throws(BatchError) -> Releases { try Releases(try view(), tool: api.version) }
    fileprivate func circuits() -> Circuits { Circuits(api.workspace, context: context) }
}
