import BatchCore
import TestSupport
import Testing

/// What strange requests are answered; the service is alive afterwards.
@Suite struct HTTPInputTests {
    @Test func whatTheDocumentsOfThePipelineSay() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" queue add bump --tenant acme -q >/dev/null
            body $U/health; body $U/jobs | cut -c1-70
            body "$U/jobs?state=done"
            body "$U/jobs?limit=1&after=1"
            body $U/jobs/1 | grep -o '"jobKey":"1","state":"queued"'
            for path in jobs/ jobs/nobody 'jobs/a%2fb' 'jobs/%2e%2e' 'jobs/a%00' 'jobs/%ff' jobs/1/2 'jobs?state=x' 'jobs?x=1' 'jobs?limit=1&limit=2' 'jobs?after=a%20b'; do
                call --path-as-is "$U/$path"
            done
            body --path-as-is $U/jobs/../../etc/passwd; body $U/jobs/nobody; body "$U/jobs?state=%ff"
            body -H 'Accept: application/json' $U/metrics | cut -c1-60
            token ann --role admin
            set_() { body -H "$(as $T)" -H "$json" -d "$1" $U/config; }
            set_ '{"prep_concurrency":4,"ocr_concurrency":1}'; set_ '{"prep_concurrency":5,"ocr_concurrency":9}'
            set_ '{"poll":5}'; set_ '{"prep_concurrency":"5"}'; set_ '[]'
            body $U/config | cut -c1-60
            """)
        #expect(
            lines == [
                #"{"format_version":1,"live":true,"ready":true,"reasons":[]}"#,
                #"[{"jobKey":"1","state":"queued","stage":"bump","attempt":0,"attemptPre"#, "[]", "[]",
                #""jobKey":"1","state":"queued""#, "400", "404", "400", "400", "400", "400", "404", "400", "400", "400",
                "400",
                #"{"error":"the path contains characters that no name here has","status":400}"#,
                #"{"error":"there is no such job","status":404}"#,
                #"{"error":"the request is not UTF-8 text, or is not encoded as an address must be","status":400}"#,
                #"{"format_version":1,"done":0,"error":0,"running":0,"queued":"#,
                #"{"applied":{"prep_concurrency":4,"ocr_concurrency":1}}"#,
                #"{"error":"'ocr_concurrency' is a whole number, 1 to 8","status":400}"#,
                #"{"error":"the body has a 'poll' that this call does not know","status":400}"#,
                #"{"error":"'prep_concurrency' is a whole number, 1 to 16","status":400}"#,
                #"{"error":"the body is not a JSON object, or has a key twice","status":400}"#,
                #"{"prep_concurrency":4,"ocr_concurrency":1,"job_timeout_s":60"#,
            ])
    }

    @Test func methodsBodiesAndPaths() throws {
        let lines = try ServedWorkspace.lines(
            """
            token ann --role admin
            c() { call -H "$(as $T)" "$@"; }
            c -X DELETE $U/api/batches; grep -o 'it takes [A-Z, ]*' answer
            c -I $U/api/batches; c -X OPTIONS $U/api/runs; c $U/api/nothing; c --path-as-is $U//api; c $U/api/batches/
            c -d '{"job":"bump"}' $U/api/runs
            c -H "$json" -d '{"job":"bump","job":"bump"}' $U/api/runs
            c -H "$json" -d '{"job":"bump","percent":1}' $U/api/runs
            c -H "$json" -d '{"job":' $U/api/runs
            c -H "$json" -d '{}' $U/api/runs
            c -H "$json" -d '{"job":"nobody"}' $U/api/runs
            c -H "$json" -d '{"job":"bump","set":{"by":"x"}}' "$U/api/runs?tenant=acme"
            c -H "$json" -d '{"job":"bump","set":{"by":[1]}}' "$U/api/runs?tenant=acme"
            c -H "$json" -d '{"job":"bump","dry_run":true}' "$U/api/runs?tenant=acme"
            c "$U/api/batches?database=other"
            c "$U/api/batches?tenant=nobody"
            c "$U/api/catalog?tenant=%C2%A9"
            head -c 2000000 /dev/zero | tr '\\0' x >large
            c -H "$json" --data-binary @large $U/api/runs
            c -H "$json" -H 'Transfer-Encoding: chunked' --data-binary @large $U/api/runs
            c -H "$json" -H 'Expect: 100-continue' --data-binary @large $U/api/runs
            call $U/health
            """)
        #expect(
            lines == [
                "405", "it takes GET, HEAD", "200", "405", "404", "400", "400", "415", "400", "400", "400", "400",
                "404",
                "400", "400", "200", "404", "404", "403", "413", "413", "413", "200",
            ])
    }

    /// Bytes as a stranger sends them; the server answers 400, or closes, and goes on.
    @Test func whatIsNoHTTP() throws {
        let lines = try ServedWorkspace.lines(
            """
            cat >send.py <<'PY'
            import socket, sys
            host, port = sys.argv[1].split('//')[1].split(':')
            head = b'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\n'
            # Of these a proxy may read another end than the server.
            twice = [
                head + more + b'\\r\\n' for more in [
                    b'Host: other\\r\\n', b'Content-Length: 0\\r\\nContent-Length: 0\\r\\n',
                    b'Content-Length: 0\\r\\nTransfer-Encoding: chunked\\r\\n']]
            for data in [
                b'', b'\\0' * 100, b'\\r\\n' * 100, b'GET\\r\\n\\r\\n', b'GET / HTTP/9.9\\r\\n\\r\\n', bytes(range(256)) * 20,
                b'GET ' + b'/a' * 40000 + b' HTTP/1.1\\r\\n\\r\\n', head + b'X: ' + b'y' * 100000 + b'\\r\\n\\r\\n',
                head + b'A: b\\r\\n' * 20000 + b'\\r\\n', head + b'Content-Length: -1\\r\\n\\r\\n',
                head + b'Content-Length: 99999999999999999999999\\r\\n\\r\\n',
                head + b'Content-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nGET /',
                head + b'Transfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n', b'\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc\\x03\\x03',
                head[:30], *twice,
            ]:
                s = socket.create_connection((host, int(port)), 10)
                s.settimeout(10)
                try:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    got = b''
                    while True:
                        more = s.recv(65536)
                        if not more: break
                        got += more
                except OSError:
                    pass
                s.close()
                status = got.split(b' ')[1:2]
                if status and status[0][:1] not in (b'2', b'4', b'5'): print('answer', got[:80])
                if data in twice: print('twice', *(word.decode() for word in status))
            print('sent')
            PY
            python3 send.py $U
            call $U/health
            """)
        #expect(lines == ["twice 400", "twice 400", "twice 400", "sent", "200"])
    }
}
