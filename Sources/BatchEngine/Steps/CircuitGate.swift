internal import BatchCatalog
internal import BatchControl
internal import BatchCore

/// Calls something outside through its circuit: not at all while that is open.
struct CircuitGate {
    let session: Session
    /// Nil: nothing stands in the way.
    private let circuit: CircuitDefinition?

    init(_ session: Session, program: String? = nil, plugin: String? = nil) throws(BatchError) {
        self.session = session
        let known = try CircuitList.load(folder: session.workspace.catalog)
        let hint: Hint = "correct them, then: \(command: "catalog validate")"
        if let error = Diagnostic.error(known.mistakes, .invalidCatalog, hint: hint) { throw error }
        circuit = known.circuits.first { circuit in
            (program != nil && circuit.program == program) || (plugin != nil && circuit.plugin == plugin)
        }
    }

    /// - Throws: `ERR_INTEGRATION_CIRCUIT_OPEN` without a call; what the call throws.
    func call<Result>(_ body: () throws(BatchError) -> Result) throws(BatchError) -> Result {
        guard let circuit else { return try body() }
        let (store, name) = (try session.control(), circuit.name)
        let now = session.context.now()
        let refusal = try store.circuit(name, at: now) { known -> Circuit? in known.admit(at: now) ? nil : known }
        if let refusal { throw CircuitGate.error(refusal) }
        do throws(BatchError) {
            let result = try body()
            try note(success: true, circuit, store)
            return result
        } catch {
            // Who wanted the work to stop has not shown that the other side fails.
            if error.code != .stopped { try note(success: false, circuit, store) }
            throw error
        }
    }

    private static func error(_ circuit: Circuit) -> BatchError {
        let (name, until) = (circuit.name, circuit.retryAt.map { "until \($0.iso8601)" } ?? "now")
        let what =
            if circuit.reason != nil {
                "circuit \(name) is open until somebody closes it: a person has opened it, and it is not called"
            } else if circuit.state == .halfOpen {
                "circuit \(name) is half open: one call tries whether it works again, and no other is made"
            } else {
                "circuit \(name) is open \(until): it failed too often, and is not called"
            }
        return BatchError(
            .circuitOpen, what,
            hint: "see it: \(command: "circuit list"); to call it again at once: \(command: "circuit close \(name)")")
    }

    private func note(
        success: Bool, _ circuit: CircuitDefinition, _ store: any ControlStore
    ) throws(BatchError) {
        let now = session.context.now()
        let opened = try store.circuit(circuit.name, at: now) { known -> Bool in
            let before = known.state
            known.note(success: success, at: now, circuit.limits)
            return before != .open && known.state == .open
        }
        guard opened else { return }
        session.context.log.write(
            .warn, "circuit.open", "circuit \(circuit.name) is open: calls failed too often", module: .runner)
    }
}
