public import BatchCore

/// What the placeholders of a command stand for in one batch.
public struct PlaceholderValues: Sendable {
    public var batch: String
    public var tenant: String?
    public var step: String
    public var parameters: [String: SQLValue]

    public init(batch: String, tenant: String?, step: String, parameters: [String: SQLValue]) {
        self.batch = batch
        self.tenant = tenant
        self.step = step
        self.parameters = parameters
    }

    func value(of placeholder: CommandTemplate.Placeholder) throws(BatchError) -> String {
        switch placeholder {
        case .batch: return batch
        case .step: return step
        case .tenant:
            guard let tenant else {
                throw BatchError(
                    .missingParameter, "step '\(step)' uses {tenant}, but the batch has no tenant",
                    hint: "give one with: --tenant NAME")
            }
            return tenant
        case .parameter(let name):
            guard let value = parameters[name], let text = PlaceholderValues.text(value) else {
                throw BatchError(
                    .missingParameter, "step '\(step)' uses {param:\(name)}, which has no value",
                    hint: "give one with: --set \(name)=VALUE")
            }
            return text
        }
    }

    /// Nil for NULL: an empty argument would hide that the value is missing.
    private static func text(_ value: SQLValue) -> String? {
        switch value {
        case .null: nil
        case .integer(let number): String(number)
        case .real(let number): "\(number)"
        case .text, .text16: value.string
        case .blob(let bytes): Hex.string(bytes)
        }
    }
}
