enum WarningText {
    static func text(_ warnings: [String], _ style: Style) -> String {
        warnings.map { "\(style.caution("warning:")) \(Printable.text($0))\n" }.joined()
    }
}
