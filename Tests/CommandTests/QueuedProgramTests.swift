import TestSupport
import Testing

/// Programs of jobs in the queue: nobody starts one again that may have done its work.
@Suite struct QueuedProgramTests {
    /// A job whose program takes as many seconds as it is told the first time, and no time after that.
    private static func with(isIdempotent: Bool = false, _ body: (BadLuckScene) throws -> Void) throws {
        let job = """
            \(isIdempotent ? "idempotent: true" : "")
            steps:
              - {id: a, sql: UPDATE line SET n = n + 1}
              - {id: b, exec: [./slow]}
              - {id: c, sql: UPDATE line SET n = n + 10}
            """
        try BadLuckScene.with(jobs: ["pay": job]) { scene in
            try scene.sql("CREATE TABLE line(n INTEGER NOT NULL); INSERT INTO line VALUES(0)")
            let program = #"""
                #!/bin/sh
                echo begun >>ran; [ $(wc -l <ran) -gt 1 ] || sleep $(cat seconds); echo ended >>ran
                """#
            try scene.write("slow", program, isProgram: true)
            try body(scene)
        }
    }

    /// A worker that is to end (a restart of the service, a reboot) waits for the program, and the job goes on after it.
    @Test(arguments: [false, true])
    func aWorkerThatIsToEndLetsAProgramEnd(isServiceKilled: Bool) throws {
        try Self.with { scene in
            let result = try scene.shell(
                """
                echo 2 >seconds; "$TOOL" queue add pay -q
                "$TOOL" \(isServiceKilled ? "serve --no-http --workers 1" : "queue work") >said 2>&1 & W=$!
                until [ -e ran ]; do sleep 0.05; done
                kill -\(isServiceKilled ? "KILL" : "TERM") $W; wait $W
                while "$TOOL" queue show 1 --json | grep -q '"state":"running"'; do sleep 0.05; done
                "$TOOL" queue work --until-empty -q; cat ran; sqlite3 app.db "SELECT n FROM line"
                "$TOOL" queue show 1 --json | grep -o '"state":"[a-z]*"' | head -1
                """)
            #expect(result.out == "begun\nended\n11\n\"state\":\"done\"\n", "\(result.out) \(result.err)")
            try scene.expect(0, "verify")
        }
    }

    /// Ended before its end, it may have done its work or not: a person has to look.
    @Test(arguments: ["--timeout 1s", ""])
    func aProgramThatWasEndedIsNotStartedAgain(timeout: String) throws {
        try Self.with { scene in
            let result = try scene.shell(
                """
                echo 20 >seconds; "$TOOL" queue add pay --backoff 1ms \(timeout) -q
                "$TOOL" queue work --until-empty >said 2>&1 & W=$!
                until [ -e ran ]; do sleep 0.05; done
                [ -n "\(timeout)" ] || { kill -TERM $W; sleep 0.5; kill -TERM $W; }
                wait $W; "$TOOL" queue work --until-empty -q; cat ran
                "$TOOL" queue show 1 --json | grep -o '"state":"[a-z]*"\\|nobody knows whether its program' | sort -u
                """)
            let wanted = "begun\n\"state\":\"dead\"\nnobody knows whether its program\n"
            #expect(result.out == wanted, "\(result.out) \(result.err)")
            try scene.expect(0, "queue", "retry", "1")
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try scene.sql("SELECT n FROM line") == "11")
        }
    }

    @Test func aProgramThatMayRunTwiceIsStartedAgain() throws {
        try Self.with(isIdempotent: true) { scene in
            try scene.write("seconds", "20\n")
            try scene.expect(0, "queue", "add", "pay", "--backoff", "1ms", "--timeout", "1s")
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try scene.shell("cat ran").out == "begun\nbegun\nended\n")
            #expect(try scene.sql("SELECT n FROM line") == "11")
        }
    }
}
