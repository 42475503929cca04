public import BatchCore

extension SetupReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = created.map { "\(style.good("created")) \(Printable.text($0))\n" }.joined()
        for note in notes { text += "\(Printable.text(database)): \(Printable.text(note))\n" }
        return text + style.next("next: put jobs into catalog/, or: \(command: "run --id NAME --sql SQL")")
    }
}
