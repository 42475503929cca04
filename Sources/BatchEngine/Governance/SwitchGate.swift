internal import BatchControl
internal import BatchCore
internal import BatchLedger

/// Asks the switches whether work may begin, and whether it may go on.
///
/// The workspace's own are in `control.db`. Those in the ledger that another workspace has set count as well: a
/// database does not escape its switches by being named with `--db`.
final class SwitchGate {
    private let session: Session
    private var foreign: (version: Int64, states: [SwitchState])?

    init(_ session: Session) { self.session = session }

    func decision(on work: SwitchedWork) throws(BatchError) -> SwitchDecision {
        var board = try session.control().switches()
        board.states += try foreignStates()
        return board.decision(on: work, at: session.context.now())
    }

    /// - Parameter what: how the work is named to people: `job reprice`.
    /// - Throws: `ERR_SECURITY_SAFE_MODE`, `ERR_SECURITY_JOB_DISABLED`, `ERR_SECURITY_MODULE_OFF`.
    func require(_ work: SwitchedWork, _ what: String) throws(BatchError) {
        guard let cause = try decision(on: work).cause else { return }
        throw cause.refusal(of: what)
    }

    func require(_ action: SwitchedWork.Action, _ what: String) throws(BatchError) {
        try require(SwitchedWork(action, origin: session.context.origin), what)
    }

    /// Why there may be a plan of an order and no batch; nil when nothing stands against a run.
    /// - Throws: when there may be neither, or the order is a plan already.
    func suggestion(for order: RunOrder) throws(BatchError) -> String? {
        let what = order.plan.map { "\($0.plan.id)" } ?? "job \(order.job.id)"
        switch try decision(on: work(order.job, tenant: order.tenant)) {
        case .go: return nil
        case .refused(let cause): throw cause.refusal(of: what)
        case .planOnly(let cause):
            guard order.plan == nil else { throw cause.refusal(of: what) }
            return cause.words
        }
    }

    /// The work of running a job.
    func work(_ job: JobDefinition, tenant: String?) -> SwitchedWork {
        SwitchedWork(.run, origin: session.context.origin, job: job.id, module: job.module, tenant: tenant)
    }

    /// Gives the ledger the settings of today. Call it in a transaction.
    func mirror() throws(BatchError) {
        try session.ledger.mirror(try session.control().switches().states, of: try session.control().workspaceID())
    }

    private func foreignStates() throws(BatchError) -> [SwitchState] {
        let version = session.connection.dataVersion
        if let foreign, foreign.version == version { return foreign.states }
        let own = try session.control().workspaceID()
        let states = try session.ledger.switches().filter { $0.workspace != own }.map(\.state)
        foreign = (version, states)
        return states
    }
}
