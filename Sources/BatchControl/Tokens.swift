public import BatchCore

/// Tokens by which people are known over HTTP.
public protocol TokenStore: AnyObject {
    /// By name, also those that count no longer.
    func accessTokens() throws(BatchError) -> [AccessToken]

    /// Lets a token count, with a row in the audit.
    /// - Throws: `ERR_UX_WRONG_STATE` when there was one of that name.
    func add(_ token: AccessToken, _ act: ControlAct) throws(BatchError)

    /// Lets a token count no longer, with a row in the audit.
    /// - Throws: `ERR_UX_UNKNOWN_NAME` when no token of that name counts.
    func revokeToken(_ name: String, reason: String, _ act: ControlAct) throws(BatchError) -> AccessToken
}

/// Settings that were changed while a service runs.
public protocol SettingStore: AnyObject {
    func settings() throws(BatchError) -> [String: String]

    /// Sets all of them, with one row in the audit.
    func set(_ settings: [(name: String, value: String)], _ act: ControlAct) throws(BatchError)
}
