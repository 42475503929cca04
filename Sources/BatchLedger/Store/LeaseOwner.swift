internal import BatchCore
internal import BatchSystem

/// A process, named so that it cannot be taken for another: ids of processes are used again.
public struct LeaseOwner: Hashable, Sendable {
    public let process: Int64
    /// When the process began, in ticks since the machine did; from the kernel.
    public let startedAt: String
    /// The run of the machine, from when it was switched on.
    public let boot: String
    /// Process ids of two containers are not the same ids.
    public let namespace: String
    /// Which machine; empty when it does not know.
    public let machine: String

    public init(process: Int64, startedAt: String, boot: String, namespace: String, machine: String) {
        self.process = process
        self.startedAt = startedAt
        self.boot = boot
        self.namespace = namespace
        self.machine = machine
    }

    /// This process.
    public static func current() -> LeaseOwner {
        let process = Int64(Environment.processID)
        return LeaseOwner(
            process: process, startedAt: ProcessTable.startTime(of: process) ?? "",
            boot: ProcessTable.bootID, namespace: ProcessTable.namespace,
            machine: machineName)
    }

    public enum Life: Sendable {
        case alive, dead
        /// It cannot be told from here.
        case unknown
    }

    /// Looked at from this process.
    public var life: Life { life(seenFrom: .current()) }

    func life(seenFrom observer: LeaseOwner) -> Life {
        guard !boot.isEmpty, boot == observer.boot else {
            // The same machine has been switched on again since.
            return !machine.isEmpty && machine == observer.machine && !observer.boot.isEmpty ? .dead : .unknown
        }
        guard !namespace.isEmpty, namespace == observer.namespace else { return .unknown }
        return ProcessTable.startTime(of: process) == startedAt ? .alive : .dead
    }

    /// The name of a machine is a secret of it, so it is hashed.
    private static let machineName: String = {
        guard let id = ProcessTable.machineID else { return "" }
        return RowCodec.hash([.string("batchmgr"), .string(id)]).description
    }()
}
