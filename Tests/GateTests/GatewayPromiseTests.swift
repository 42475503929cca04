import TestSupport
import Testing

/// No write outside the gateway.
@Suite struct GatewayPromiseTests {
    @Test(arguments: [
        "UPDATE items SET price = 0", "DELETE FROM items WHERE id = 1", "INSERT INTO items VALUES(9, 9, 9)",
        "REPLACE INTO items VALUES(1, 1, 1)",
    ])
    func anEnforcedDatabaseRefusesAnyOtherClient(_ statement: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "guard", "set", "--mode", "enforce")
            try scene.expect(0, "run", "--id", "multi")
            let before = try scene.dump()
            let result = try scene.shell("sqlite3 -batch app.db \"$1\"", [statement])
            #expect(result.code != 0)
            #expect(result.err.contains("ERR_SECURITY_WRITE_OUTSIDE_GATEWAY"), "\(result.err)")
            #expect(try scene.dump() == before)
            try scene.expect(0, "run", "--id", "follow")
        }
    }
}
