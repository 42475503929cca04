internal import BatchCore
internal import BatchEngine
internal import BatchSystem
internal import Synchronization

/// Who has signed in with a browser. The page keeps no token: a cookie that scripts cannot read names the session, and the
/// token is looked at anew with each request, so that a revoked one ends its sessions.
final class BrowserSessions: Sendable {
    static let cookie = "batchmgr_session"
    /// A header that a page of another site cannot send.
    static let header = "x-batchmgr-console"
    /// Milliseconds without a request, and at most.
    static let (idle, life): (Int64, Int64) = (3_600_000, 12 * 3_600_000)
    /// The oldest one ends when there are more.
    private static let most = 1_000

    private struct Session {
        let token: String
        let since: Int64
        var seen: Int64
    }

    private let sessions = Mutex<[String: Session]>([:])

    /// - Returns: the id that goes into the cookie.
    func begin(token: String, context: Context) -> String {
        let id = context.randomID() + context.randomID()
        let now = SteadyClock.now()
        sessions.withLock { sessions in
            sessions = sessions.filter { BrowserSessions.isAlive($0.value, now) }
            if sessions.count >= BrowserSessions.most,
                let oldest = sessions.min(by: { $0.value.seen < $1.value.seen })
            {
                sessions[oldest.key] = nil
            }
            sessions[id] = Session(token: token, since: now, seen: now)
        }
        return id
    }

    func end(_ request: HTTPRequest) {
        guard let id = BrowserSessions.id(of: request) else { return }
        sessions.withLock { $0[id] = nil }
    }

    /// The token of whom the browser speaks for; nil when nobody has signed in with it.
    /// - Throws: 403 when another site may have made the browser send this.
    func token(of request: HTTPRequest) throws(HTTPFault) -> String? {
        guard let id = BrowserSessions.id(of: request) else { return nil }
        let now = SteadyClock.now()
        let token = sessions.withLock { sessions -> String? in
            guard let session = sessions[id], BrowserSessions.isAlive(session, now) else {
                sessions[id] = nil
                return nil
            }
            sessions[id]?.seen = now
            return session.token
        }
        if token != nil, request.method != "GET", request.method != "HEAD" { try BrowserSessions.requireOwn(request) }
        return token
    }

    private static func isAlive(_ session: Session, _ now: Int64) -> Bool {
        now - session.seen < idle && now - session.since < life
    }

    /// A name that is given twice counts as none.
    private static func id(of request: HTTPRequest) -> String? {
        let cookies = request.headers.filter { $0.name == "cookie" }
            .flatMap { $0.value.split(separator: ";") }
            .map { $0.drop { $0 == " " } }
            .filter { $0.hasPrefix("\(cookie)=") }
        return cookies.count == 1 ? String(cookies[0].dropFirst(cookie.utf8.count + 1)) : nil
    }

    /// The browser says which page makes it ask; beside it the page has sent what only a page of this server can send.
    static func requireOwn(_ request: HTTPRequest) throws(HTTPFault) {
        let origin = request.header("origin")
        let isOwn = origin.map { ["http://", "https://"].map { $0 + (request.header("host") ?? "") }.contains($0) }
        let site = request.header("sec-fetch-site") ?? "same-origin"
        guard request.hasHeader(header), isOwn ?? !request.hasHeader("origin"), site == "same-origin" else {
            throw HTTPFault(
                403,
                BatchError(
                    .crossSite, "this request does not come from a page of this service",
                    hint: "programs send a token: Authorization: Bearer TOKEN"))
        }
    }
}
