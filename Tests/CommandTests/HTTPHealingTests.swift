import BatchCore
import TestSupport
import Testing

/// What the console does about repairs, incidents, releases and documents: the same as the verbs, by calls.
@Suite struct HTTPHealingTests {
    @Test func aRepairIsFoundTriedAndCarriedOut() throws {
        let lines = try ServedWorkspace.lines(
            """
            cat >catalog/repair_floor.yaml <<'YAML'
            id: repair_floor
            version: 1.0.0
            description: Takes quantities below zero back to zero
            class: DATA
            level: 1
            tenant: required
            idempotent: true
            finds: SELECT tenant_id AS tenant, id AS key, 'below zero' AS reason, qty AS found, 0 AS expected FROM items WHERE qty < 0
            steps:
              - id: floor
                sql: UPDATE items SET qty = 0 WHERE qty < 0 AND tenant_id = :tenant
            YAML
            "$TOOL" run bump --tenant acme -q >/dev/null
            "$TOOL" run bump --tenant beta --set by=-20 -q >/dev/null
            token ann --role operator
            get /api/heal; has '"id":"repair_floor"'
            get /api/heal/findings; has '"counts":{"repair_floor":1}'
            post /api/heal/repair_floor/run '{"dry_run":true}'; has '"outcome":"discarded"'
            sqlite3 a.db 'SELECT qty FROM items WHERE id = 2'
            post /api/heal/repair_floor/run; has '"outcome":"healed"'
            sqlite3 a.db 'SELECT qty FROM items WHERE id = 2'
            get /api/heal/history; has '"actor":"ann"'
            "$TOOL" run bump --tenant beta --set by=-20 -q >/dev/null
            post /api/runs '{"job":"repair_floor","dry_run":true}'; has '"outcome":"discarded"'
            post /api/runs '{"job":"repair_floor"}'; has '"outcome":"healed"'; has '"tenant":"beta"'
            get /api/heal/history; has '"batch":"repair_floor.2"'
            post /api/heal/repair_floor/thaw '{"reason":"none"}'
            post /api/heal/nothing/run
            token vera --role viewer; post /api/heal/repair_floor/run
            token acme --role operator --tenant acme
            post /api/heal/repair_floor/run; has '"executions":\\[\\]'
            get /api/heal/history; has '"executions":\\[\\]'
            """)
        #expect(
            lines == [
                "200", "1", "200", "1", "200", "1", "-13", "200", "1", "0", "200", "1", "200", "1", "200", "1", "1",
                "200", "1", "409", "404", "403", "200", "1",
                "200", "1",
            ])
    }

    @Test func anIncidentIsLookedAfterUnderstoodAndClosed() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" run bump --tenant acme -q >/dev/null
            token ann --role operator
            post /api/incidents '{"title":"wrong quantities","severity":"critical"}'; has '"id":"incident.1"'
            post /api/incidents/incident.1/ack '{"reason":"looking"}'; has '"status":"acknowledged"'
            post /api/incidents/incident.1/close '{"reason":"done"}'; has 'postmortem'
            post /api/incidents/incident.1/postmortem '{"cause":"a typo","prevention":"a plan"}'; has 'postmortem_incident.1.md'
            post /api/incidents/incident.1/bundle; has '"sha256":"'
            get '/api/incidents?status=acknowledged&limit=10'; has '"total":1'
            get /api/incidents/incident.2
            get /api/incidents/none
            get /api/runbooks; has '"runbooks":\\[\\]'
            post /api/runbooks/none/run
            """)
        #expect(
            lines == [
                "200", "1", "200", "1", "409", "1", "200", "1", "200", "1", "200", "1", "404", "404", "200", "1", "403",
            ])
    }

    /// A token of one tenant sees its own incidents, and of what may have caused them its own batches alone.
    @Test func aTenantLooksAfterItsOwnIncidents() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" run bump --tenant acme -q >/dev/null; "$TOOL" run bump --tenant beta -q >/dev/null
            "$TOOL" incident open --title 'of another' --tenant beta -q >/dev/null
            "$TOOL" incident open --title 'of ours' --tenant acme --batch bump.1 --batch bump.2 -q >/dev/null
            token to --role operator --tenant acme
            get /api/incidents; has '"total":1'
            get /api/incidents/incident.2; body -H "$(as $T)" $U/api/incidents/incident.2 | grep -o 'bump[.][12]' | sort -u
            get /api/incidents/incident.1
            post /api/incidents/incident.1/ack '{"reason":"mine"}'
            post /api/incidents/incident.2/ack '{"reason":"looking"}'; has '"status":"acknowledged"'
            post /api/incidents/incident.2/close '{"reason":"done"}'; has '"status":"closed"'
            post /api/incidents/incident.2/bundle
            get /api/heal/history; has '"executions":\\[\\]'
            """)
        #expect(
            lines == ["200", "1", "200", "bump.1", "404", "404", "200", "1", "200", "1", "403", "200", "1"])
    }

    @Test func aReleaseLeadsBackAndModulesAreDegraded() throws {
        let lines = try ServedWorkspace.lines(
            """
            printf 'stock: {description: Items, tables: [items], critical: false}\\n' >catalog/modules.yaml
            printf 'auto_bump: {default: on, module: stock, description: Adds by itself}\\n' >catalog/flags.yaml
            "$TOOL" run bump --tenant acme -q >/dev/null
            token ann --role admin
            post /api/releases '{"name":"v1"}'
            post /api/releases/v1/validate; has '"validated":true'
            echo '# changed' >>catalog/bump.yaml
            get /api/releases/v1/compare; has 'bump.yaml'
            post /api/releases/v1/rollback '{"dry_run":true}'; tail -1 catalog/bump.yaml
            post /api/releases/v1/rollback; grep -c changed catalog/bump.yaml
            "$TOOL" run alter --sql 'ALTER TABLE items ADD COLUMN note' -q >/dev/null
            post /api/releases/v1/rollback; has 'ERR_DATA_SCHEMA_CHANGED'
            get /api/modules; has '"state":"on"'
            post /api/degrade '{"reason":"busy"}'
            get /api/modules; has '"state":"degraded"'
            post /api/degrade/end '{"reason":"quiet"}'
            get /api/modules; has '"state":"on"'
            post /api/switches '{"name":"flag:auto_bump","value":"off","reason":"a check"}'
            get /api/modules; has '"on":false'
            post /api/switches/undo '{"name":"flag:auto_bump","reason":"over"}'
            get /api/modules; has '"on":true'
            get /api/circuits; has '"circuits"'
            get /api/rules; has '"rules"'
            """)
        #expect(
            lines == [
                "200", "200", "1", "200", "1", "200", "# changed", "200", "0", "409", "1", "200", "1", "200", "200",
                "1", "200", "200", "1", "200", "200", "1", "200", "200", "1", "200", "1", "200", "1",
            ])
    }

    @Test func contractsAreCheckedAndDocumentsListed() throws {
        let lines = try ServedWorkspace.lines(
            """
            cat >catalog/contracts.yaml <<'YAML'
            not_negative:
              description: No quantity is below zero
              class: DATA
              severity: error
              table: items
              query: SELECT id, qty FROM items WHERE qty < 0 AND (:tenant IS NULL OR tenant_id = :tenant)
            YAML
            "$TOOL" run bump --tenant beta --set by=-20 -q >/dev/null
            token ann --role operator
            get /api/contracts; has '"id":"not_negative"'
            get /api/contracts/check; has '"status":"fail","violations":1'
            get '/api/contracts/check?tenant=acme'; has '"violations":0'
            get '/api/contracts/check?id=none'
            get /api/documents; has '"jobs":\\[\\]'
            get '/api/documents/search?words=anything'; has '"hits":\\[\\]'
            get /api/documents/abc
            post /api/documents/discover; has '"jobs":\\[\\]'
            token acme --role viewer --tenant acme
            get /api/documents
            """)
        #expect(
            lines == [
                "200", "1", "200", "1", "200", "1", "404", "200", "1", "200", "1", "404", "200", "1", "403",
            ])
    }
}
