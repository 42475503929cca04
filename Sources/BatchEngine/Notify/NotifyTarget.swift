public import BatchCore

/// Who is told, of what.
public struct NotifyTarget: Sendable, Equatable {
    public enum Way: Sendable, Equatable {
        /// A program with its arguments; the event is its stdin.
        case command([String])
        /// The event is POSTed there.
        case webhook(String)
    }

    public let way: Way
    public let events: Set<NotifyEvent.Kind>
    /// Milliseconds.
    public let timeout: Int64

    /// - Throws: `ERR_UX_INVALID_CONFIGURATION` for an empty command or an address that is not http or https.
    public init(
        _ way: Way, events: Set<NotifyEvent.Kind> = Set(NotifyEvent.Kind.allCases), timeout: Int64 = 10_000
    ) throws(BatchError) {
        switch way {
        case .command(let arguments):
            guard let program = arguments.first, !program.isEmpty else {
                throw NotifyTarget.invalid("a 'notify' command is empty", hint: "give a list: [PROGRAM, ARGUMENT]")
            }
        case .webhook(let address):
            guard WebAddress(address) != nil else {
                throw NotifyTarget.invalid(
                    "a 'notify' webhook is not an http or https address", hint: "give one like https://HOST/PATH")
            }
        }
        self.way = way
        self.events = events
        self.timeout = max(1, timeout)
    }

    /// For the log. The path of a webhook is often a secret, so it is not part of it.
    public var name: String {
        switch way {
        case .command(let arguments): "command '\(PlainText.oneLine(arguments.first ?? ""))'"
        case .webhook(let address): "webhook \(WebAddress(address)?.origin ?? "")"
        }
    }

    private static func invalid(_ message: String, hint: Hint) -> BatchError {
        BatchError(.invalidConfiguration, message, hint: hint + " under 'notify:' in batchmgr.yaml")
    }
}
