internal import BatchCore
internal import BatchLedger
internal import Glibc
func now() -> Double { var t = timespec(); clock_gettime(CLOCK_MONOTONIC, &t); return Double(t.tv_sec) + Double(t.tv_nsec) / 1e9 }
do {
    let c = try Connection(path: CommandLine.arguments[1])
    try c.transaction { () throws(BatchError) in try Ledger(c).create(databaseID: "x"); try Ledger(c).setState(try StateDigest.compute(c)) }
    let g = try Gateway(c, spillFolder: "/tmp")
    for (i, sql) in CommandLine.arguments[2...].enumerated() {
        let t0 = now()
        try g.begin()
        try g.run(script: sql)
        let t1 = now()
        try g.commit(batch: Int64(i), number: 1, step: "x", at: Timestamp(milliseconds: 0))
        let t2 = now()
        print(sql, "run", t1 - t0, "commit", t2 - t1, "total", t2 - t0)
        let inc = try Ledger(c).state()!, full = try StateDigest.compute(c)
        print(inc == full ? "digest ok" : "DIGEST DIFFERS \(inc) \(full)")
    }
} catch { print("error", error) }
