import BatchCore
import BatchLedger
import TestSupport

/// SQL expressions for values: few different ones, so that rows meet, and odd ones among them.
struct RandomLiterals {
    /// Keys are from 1 to this.
    static let keys = 9
    /// Another text each time, always of one length: an index on `length(v)` must find the same rows equal wherever
    /// the statement runs.
    static let chance = "'~' || printf('%020d', random())"

    static func value(for column: Column, _ random: inout SeededRandom) -> String {
        let type = column.declaredType.uppercased()
        if !column.isNotNull, random.chance(column.primaryKeyPosition > 0 ? 4 : 8) { return "NULL" }
        if type.contains("INT") { return integer(&random) }
        if type.contains("TEXT") || type.contains("CHAR") { return text(&random) }
        if type.contains("REAL") || type.contains("DOUB") { return real(&random) }
        if type.contains("BLOB") { return blob(&random) }
        return random.pick([integer(&random), text(&random), real(&random), blob(&random)])
    }

    /// A value by which a row is likely to be found.
    static func key(for column: Column, _ random: inout SeededRandom) -> String {
        let type = column.declaredType.uppercased()
        if type.contains("INT") { return "\(1 + random.below(keys))" }
        if type.contains("TEXT") || type.contains("CHAR") { return name(&random) }
        return value(for: column, &random)
    }

    static func name(_ random: inout SeededRandom) -> String {
        "'\(random.pick(["k", "k", "k", "K"]))\(1 + random.below(keys))\(random.chance(5) ? " " : "")'"
    }

    private static func integer(_ random: inout SeededRandom) -> String {
        random.chance(93)
            ? "\(1 + random.below(keys))" : random.pick(["-1", "9223372036854775807", "'12'", "3.0", "1000000"])
    }

    private static func text(_ random: inout SeededRandom) -> String {
        if random.chance(85) { return name(&random) }
        return random.pick([
            "''", "'é✓😀'", "'it''s'", "CAST(x'c328' AS TEXT)", "'a' || char(0) || 'b'", "CAST(x'00d8' AS TEXT)",
            "hex(zeroblob(700))", RandomLiterals.chance, "12", "2.5", "'one two'",
        ])
    }

    private static func real(_ random: inout SeededRandom) -> String {
        random.pick(["2", "2.5", "7", "-0.0", "0.1", "1e300", "9e999", "9007199254740993", "'3'"])
    }

    private static func blob(_ random: inout SeededRandom) -> String {
        random.pick(["x''", "x'00'", "x'00ff'", "zeroblob(300)", "'text'", "4", "CAST('k1' AS BLOB)"])
    }
}
