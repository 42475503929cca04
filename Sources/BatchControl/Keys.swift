public import BatchCore

/// Keys that are trusted, and requests that were used.
public protocol KeyStore: AnyObject {
    /// Keys whose signature counts, or did.
    func trustedKeys() throws(BatchError) -> [TrustedKey]

    /// Lets a key count, with a row in the audit.
    /// - Throws: `ERR_UX_WRONG_STATE` when the name or the key is known already.
    func trust(_ key: TrustedKey, _ act: ControlAct) throws(BatchError)

    /// Lets a key count no longer, with a row in the audit.
    /// - Throws: `ERR_UX_USAGE` when no key of that name counts.
    func revoke(_ name: String, reason: String, _ act: ControlAct) throws(BatchError) -> TrustedKey

    /// The latest first.
    func usedRequests(limit: Int) throws(BatchError) -> [UsedRequest]

    /// Uses a request up, durably and with a row in the audit; a request to switch is done in the same moment.
    /// - Returns: the key it was signed with, and for a switch its value before.
    /// - Throws: `ERR_SECURITY_UNTRUSTED_KEY`, `ERR_SECURITY_ROLE`, `ERR_SECURITY_REQUEST_USED`.
    func claim(
        _ request: OpsRequest, _ act: ControlAct, setting: (TrustedKey) -> SwitchState?
    ) throws(BatchError) -> (signer: TrustedKey, old: SwitchValue?)

    func noteOutcome(_ outcome: String, of nonce: String) throws(BatchError)
}
