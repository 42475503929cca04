public import BatchCore

/// The switches of a workspace, and who set what when.
public protocol SwitchStore: AnyObject {
    /// What somebody has switched. Cheap enough for every checkpoint.
    func switches() throws(BatchError) -> SwitchBoard

    /// Sets a switch, with its row in the audit.
    /// - Returns: the value before.
    func set(_ state: SwitchState, _ act: ControlAct) throws(BatchError) -> SwitchValue

    /// Every setting there was, the latest first; `holds` is true of the last of each switch.
    func switchHistory() throws(BatchError) -> [SwitchListReport.Entry]
}
