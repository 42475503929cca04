internal import BatchCore

enum WarningText {
    static func text(_ warnings: [Warning], _ style: Style) -> String {
        warnings.map { "\(style.caution("warning:")) \(Printable.text($0.text(style.call)))\n" }.joined()
    }
}
