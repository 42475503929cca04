public import BatchCore

extension CompactReport: TextReport {
    public func text(_ style: Style, width: Int) -> String {
        let what = "\(Figures.count(packs.before, "pack")) of \(bytes.before) bytes"
        let now = "\(Figures.count(packs.after, "pack")) of \(bytes.after) bytes"
        return "\(what) → \(now), \(Figures.count(objects, "object")), \(Figures.duration(duration))\n"
    }
}
