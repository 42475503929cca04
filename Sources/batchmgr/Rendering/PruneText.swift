public import BatchCore

extension PruneReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        var text = ""
        for point in points {
            let verdict = point.reasons.isEmpty ? style.caution("remove") : style.good("keep  ")
            let why = point.reasons.isEmpty ? "" : "  " + Printable.text(point.reasons.joined(separator: "; "))
            text += "\(verdict)  \(Printable.text(point.name))  \(Printable.text(point.bak))\(why)\n"
        }
        let words = isDryRun ? "would be removed" : "removed"
        return text + "\(Figures.count(removed.count, "file")) \(words), \(freedBytes) bytes; every commit stays\n"
    }
}
