internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import CConsole

/// The console: its pages, and signing in. All else that it shows and does are calls of the API.
enum ConsoleRoutes {
    static let all: [Route] = [
        Route(
            method: .get, path: "/", name: "index", summary: "The console", access: .anybody, hasTenants: false,
            answer: .file(["text/html"]), perform: { (_) throws(BatchError) in try file("index.html") }),
        Route(
            method: .get, path: "/console/{file}", name: "consoleFile", summary: "A part of the console",
            access: .anybody, hasTenants: false,
            places: [Parameter("file", .choice(files), "a file")], answer: .file(types.map(\.value).sorted()),
            perform: { (call) throws(BatchError) in try file(try call.required("file")) }),
        Route(
            method: .get, path: "/api/session", name: "session",
            summary: "Who has signed in with this browser, and what they can see; null when nobody has",
            access: .anybody, hasTenants: false, answer: .report(["person"]), perform: session),
        Route(
            method: .post, path: "/api/session", name: "signIn",
            summary: "Sign in with a token; the answer sets a cookie", access: .anybody, hasTenants: false,
            body: [Parameter.text("token", "a token").required], answer: .report(["person", "roles"]), perform: signIn),
        Route(
            method: .post, path: "/api/session/end", name: "signOut", summary: "End the session of the cookie",
            access: .anybody, hasTenants: false, answer: .report([]),
            perform: { call in
                call.api.sessions.end(call.request)
                return .json(["format_version": 1], headers: [cookie("", life: 0, call)])
            }),
    ]

    private static let files = [
        "style.css", "icon.svg", "main.js", "api.js", "page.js", "graph.js", "health.js", "batches.js", "history.js",
        "approvals.js", "work.js", "settings.js", "heal.js", "incidents.js", "releases.js", "documents.js",
        "support.js",
        "en.json", "fr.json",
    ]

    private static let types = [
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "json": "application/json", "svg": "image/svg+xml",
    ]

    /// What the page may load, and where it may be shown: nothing that is not of this server.
    private static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
        "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    private static func file(_ name: String) throws(BatchError) -> HTTPResponse {
        guard let file = console_find(name) else {
            throw BatchError(.internalFault, "the console lacks \(name)", hint: "report this as a defect")
        }
        let ending = String(name.split(separator: ".").last ?? "")
        return HTTPResponse(
            status: 200, type: types[ending] ?? "application/octet-stream",
            body: .bytes(Array(UnsafeBufferPointer(start: file.pointee.bytes, count: file.pointee.length))),
            headers: [
                ("Content-Security-Policy", policy), ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
            ])
    }

    // MARK: Session

    private static func session(_ call: APICall) throws(BatchError) -> HTTPResponse {
        guard call.caller.token != nil else { return .json(["format_version": 1, "person": nil]) }
        return .json([
            "format_version": 1, "person": .string(call.caller.person),
            "roles": .array(call.caller.roles.map { .string($0.rawValue) }), "tenant": JSONValue(call.caller.tenant),
            "version": .string(call.api.version),
            "on_behalf_of": JSONValue(call.caller.isSupport ? call.caller.tenant : nil),
            "until": JSONValue(call.caller.expiresAt?.iso8601),
            "databases": .array(call.api.workspace.databases.map { .string($0.name) }),
        ])
    }

    private static func signIn(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let secret = try call.required("token")
        let caller: APICaller
        do throws(HTTPFault) {
            try BrowserSessions.requireOwn(call.request)
            caller = try call.api.access.signIn(secret, call.request, call.context)
        } catch {
            throw error.error
        }
        var context = call.context
        context.actor = caller.person
        if let token = caller.token { context.notes.describe("token", .string(token)) }
        call.api.audit("signed in", nil, context)
        let id = call.api.sessions.begin(token: secret, context: call.context)
        return .json(
            [
                "format_version": 1, "person": .string(caller.person),
                "roles": .array(caller.roles.map { .string($0.rawValue) }), "tenant": JSONValue(caller.tenant),
            ], headers: [cookie(id, life: BrowserSessions.life / 1_000, call)])
    }

    private static func cookie(_ id: String, life: Int64, _ call: APICall) -> (name: String, value: String) {
        let secure = call.workspace.http.certificate == nil ? "" : "; Secure"
        return (
            "Set-Cookie",
            "\(BrowserSessions.cookie)=\(id); Path=/; Max-Age=\(life); HttpOnly; SameSite=Strict\(secure)"
        )
    }
}
