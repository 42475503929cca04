import Glibc
import TestSupport
import Testing

/// Documents that are made of tables of the server.
@Suite struct HTTPDocumentTests {
    @Test func openapiIsWhatTheServerSays() throws {
        let lines = try ServedWorkspace.lines(
            """
            body $U/openapi.yaml >served; "$TOOL" openapi >printed
            cmp served printed && echo same
            python3 - <<'PY' && echo json
            import json, subprocess, os
            document = json.loads(subprocess.run([os.environ["TOOL"], "openapi", "--json"], capture_output=True).stdout)["schema"]
            assert document["openapi"] == "3.1.0"
            names = [o["operationId"] for p in document["paths"].values() for o in p.values()]
            assert len(names) == len(set(names)) > 30, names
            PY
            """)
        #expect(lines == ["same", "json"])
    }

    @Test func theFileInTheDocumentationIsTheSame() throws {
        let file = try TextFile.read(
            #filePath.replacing("Tests/CommandTests/HTTPDocumentTests.swift", with: "docs/openapi.yaml"))
        #expect(try BuiltTool.run("openapi").out == file)
    }

    @Test func figuresAreAsPrometheusWantsThem() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" run bump --tenant acme -q >/dev/null
            "$TOOL" rollback bump -q >/dev/null
            body $U/jobs >/dev/null
            body $U/metrics >page
            grep -c -e '^batchmgr_build_info{version="' -e '^batchmgr_queue_jobs{state="dead"} 0$' \
                -e '^batchmgr_runs_total{database="main",job="bump",status="committed",trigger="person"} 1$' \
                -e '^batchmgr_rollbacks_total{database="main"} 1$' -e '^batchmgr_service_up 1$' \
                -e '^batchmgr_http_requests_total{call="listJobs",status="2xx"} 1$' page
            grep -c acme page
            if command -v promtool >/dev/null; then promtool check metrics <page 2>&1; fi
            """)
        #expect(lines == ["6", "0"])
    }

    /// Debian's Prometheus with the file of docs/service.md.
    @Test(
        .enabled(
            if: access("/usr/bin/prometheus", X_OK) == 0, "prometheus is missing: scripts/install-dependencies --tests")
    )
    func prometheusReadsTheFigures() throws {
        let lines = try ServedWorkspace.lines(
            #"""
            "$TOOL" run bump --tenant acme -q >/dev/null
            sed -n '/^scrape_configs:/,/^```/p' '\#(TextFile.inPackage("docs/service.md"))' | sed '/^```/d' \
                | sed "s/127.0.0.1:18083/${U#http:\/\/}/" >prometheus.yml
            printf 'global: {scrape_interval: 1s, scrape_timeout: 1s}\n' >>prometheus.yml
            port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
            prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb --web.listen-address=127.0.0.1:$port >watched 2>&1 &
            watcher=$!
            ask() { curl -s -m 5 -G http://127.0.0.1:$port/api/v1/query --data-urlencode "query=$1" | grep -o '"[0-9.]*"\]' | tr -d '"]'; }
            tries=0
            until [ -n "$(ask 'batchmgr_runs_total{job="bump"}')" ] || [ $tries = 100 ]; do tries=$((tries + 1)); sleep 0.2; done
            ask 'batchmgr_runs_total{job="bump", status="committed"}'
            ask 'up{job="batchmgr"}'
            ask 'time() - batchmgr_last_success_timestamp_seconds{job="bump"} < bool 25 * 3600'
            kill $watcher; wait $watcher
            """#)
        #expect(lines == ["1", "1", "1"])
    }

    @Test func whatHappensIsTold() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" run bump --tenant acme -q >/dev/null
            token ann --role viewer --tenant acme
            mkfifo told
            curl -s -N -m 60 -H "$(as $T)" $U/api/events >told &
            exec 4<told
            read -r line <&4; echo "$line"
            "$TOOL" run bump --tenant beta -q >/dev/null
            "$TOOL" run bump --tenant acme -q >/dev/null
            "$TOOL" queue add bump --tenant beta -q >/dev/null
            "$TOOL" queue add bump --tenant acme -q >/dev/null
            # Both may be told at once, and the batch of the queue is none yet. A slow machine tells of its beginning too.
            count=0; last=
            while [ $count -lt 2 ] && read -r line <&4; do
                case $line in data:*) ;; *) continue ;; esac
                name=$(echo "$line" | grep -o -e '"batch":"bump[.0-9]*"' -e '"id":[0-9]*')
                [ "$name" != "$last" ] || continue
                count=$((count + 1)); last=$name; echo "$name"
            done
            """)
        // The stream ends with the service, which waits for nobody.
        #expect(lines == [": what happens from now on", "\"batch\":\"bump.3\"", "\"id\":2"])
    }

    /// Of one tenant: another one's are not heard of.
    @Test func incidentsAreTold() throws {
        let lines = try ServedWorkspace.lines(
            """
            token ann --role viewer --tenant acme
            mkfifo told
            curl -s -N -m 60 -H "$(as $T)" $U/api/events >told &
            exec 4<told
            read -r line <&4
            "$TOOL" incident open --title 'of another' --tenant beta -q >/dev/null
            "$TOOL" incident open --title 'of ours' --tenant acme -q >/dev/null
            while read -r line <&4; do case $line in data:*) break ;; esac; done
            echo "$line" | grep -o -e '"id":"incident.2"' -e '"status":"[a-z]*"'
            "$TOOL" incident close incident.2 --reason done -q >/dev/null
            while read -r line <&4; do case $line in data:*) break ;; esac; done
            echo "$line" | grep -o -e '"id":"incident.2"' -e '"status":"[a-z]*"'
            """)
        #expect(
            lines == ["\"id\":\"incident.2\"", "\"status\":\"open\"", "\"id\":\"incident.2\"", "\"status\":\"closed\""])
    }
}
