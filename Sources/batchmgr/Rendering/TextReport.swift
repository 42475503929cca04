public import BatchCore

/// A report that people can read.
public protocol TextReport: Report {
    /// - Parameter width: of the terminal, in columns.
    /// - Returns: whole lines, each ended.
    func text(_ style: Style, width: Int) -> String
}
