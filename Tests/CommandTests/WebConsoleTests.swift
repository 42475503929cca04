import BatchCore
import TestSupport
import Testing

/// The console as a browser meets it: its files, and who is signed in. `scripts/check-console` clicks through its pages.
@Suite struct WebConsoleTests {
    /// What a page of the console sends; `$C` keeps the cookies.
    private static let browser = """
        C=$PWD/cookies
        own='X-Batchmgr-Console: 1'
        page() { curl -s -m 20 -o answer -w '%{http_code}\\n' -b "$C" -c "$C" -H "$own" "$@"; }
        sign() { page -H "$json" -d "{\\"token\\":\\"$1\\"}" $U/api/session; }

        """

    @Test func itsFilesAreServedAndMayLoadNothingElse() throws {
        let lines = try ServedWorkspace.lines(
            """
            curl -s -D head $U/ | grep -c '/console/main.js'
            tr -d '\\r' <head | grep -ciE "^(content-type: text/html|x-frame-options: DENY|referrer-policy: no-referrer)"
            tr -d '\\r' <head | grep -i '^content-security-policy' | grep -c "script-src 'self'"
            grep -ciE 'unsafe|http:' head
            sum=0
            for file in index.html style.css icon.svg main.js api.js page.js graph.js health.js batches.js history.js \\
                approvals.js work.js settings.js heal.js incidents.js releases.js documents.js support.js en.json fr.json; do
                if [ $file != index.html ]; then
                    [ "$(call $U/console/$file)" = 200 ] || echo "$file is missing"
                    sum=$((sum + $(wc -c <answer)))
                    if grep -lE 'innerHTML|outerHTML|insertAdjacentHTML|document.write|eval\\(' answer; then echo "$file"; fi
                fi
            done
            [ $sum -lt 400000 ] && echo small
            call $U/console/passwd
            call $U/console/..%2fpasswd
            """)
        #expect(lines == ["1", "3", "1", "0", "small", "400", "400"])
    }

    @Test func bothLanguagesHaveEveryText() throws {
        let lines = try ServedWorkspace.lines(
            """
            body $U/console/en.json >en; body $U/console/fr.json >fr
            for file in main page graph health batches history approvals work settings heal incidents releases documents support; do body $U/console/$file.js; done >code
            python3 - <<'PY'
            import json, re
            en, fr, code = json.load(open("en")), json.load(open("fr")), open("code").read()
            assert en.keys() == fr.keys()
            used = set(re.findall(r"\\bt\\('([^']+)'", code))
            print(sorted(used - en.keys()), len(used) > 100)
            places = {key: set(re.findall(r"\\{\\w+\\}", text)) for key, text in en.items()}
            print([key for key, text in fr.items() if set(re.findall(r"\\{\\w+\\}", text)) != places[key]])
            PY
            """)
        #expect(lines == ["[] True", "[]"])
    }

    @Test func aSessionEndsWithItsToken() throws {
        let lines = try ServedWorkspace.lines(
            WebConsoleTests.browser + """
                token ann --role operator; ann=$T
                page $U/api/session; grep -c '"person":null' answer
                page $U/api/status
                sign bmt_wrong
                sign $ann
                cat answer "$C" | grep -c "$ann"
                grep -c 'HttpOnly.*batchmgr_session' "$C"
                page $U/api/session; grep -c '"person":"ann","roles":\\["operator"\\]' answer
                page $U/api/status
                page -X POST $U/api/session/end
                page $U/api/status
                sign $ann
                "$TOOL" token revoke ann --reason left -q >/dev/null
                page $U/api/status
                "$TOOL" audit list --action http --json | grep -o '"outcome":"signed in"' | wc -l
                """)
        #expect(
            lines == [
                "200", "1", "401", "401", "200", "0", "1", "200", "1", "200", "200", "401", "200", "401", "2",
            ])
    }

    @Test func whoeverIsForOneTenantGetsThePagesToo() throws {
        let lines = try ServedWorkspace.lines(
            WebConsoleTests.browser + """
                token ann --role viewer --tenant acme
                sign $T
                for path in / /console/main.js /api/session /api/status /api/batches /health; do page $U$path; done
                page $U/api/session; grep -c '"tenant":"acme"' answer
                """)
        #expect(lines == ["200", "200", "200", "200", "200", "200", "403", "200", "1"])
    }

    /// A page of another site makes the browser send the cookie, and nothing is changed by it.
    @Test func anotherSiteChangesNothing() throws {
        let lines = try ServedWorkspace.lines(
            WebConsoleTests.browser + """
                token ann --role operator
                sign $T
                host=${U#http://}
                run() { page -H "$json" -d '{"job":"bump"}' "$@" "$U/api/runs?tenant=acme"; }
                run -H "Origin: https://elsewhere.example"
                run -H "Origin: http://$host" -H 'Sec-Fetch-Site: cross-site'
                run -H "Origin: null"
                curl -s -o /dev/null -w '%{http_code}\\n' -b "$C" -H "$json" -d '{"job":"bump"}' "$U/api/runs?tenant=acme"
                curl -s -o /dev/null -w '%{http_code}\\n' -H "$json" -d "{\\"token\\":\\"$T\\"}" $U/api/session
                run -H "Origin: http://$host" -H 'Sec-Fetch-Site: same-origin'
                """)
        #expect(lines == ["200", "403", "403", "403", "403", "403", "200"])
    }

    @Test func changesComeAPageAtATime() throws {
        let lines = try ServedWorkspace.lines(
            """
            "$TOOL" run many --tenant acme --sql "WITH RECURSIVE n(i) AS (VALUES(10) UNION ALL SELECT i + 1 FROM n WHERE i < 309)
                INSERT INTO items SELECT i, i, 'acme' FROM n" -q >/dev/null
            token ann --role viewer
            keys() { python3 -c 'import json; a = json.load(open("answer")); print(len(a["changes"]), a["counts"]["inserted"], *[c["key"] for c in a["changes"][:1]])'; }
            for part in 'limit=200' 'limit=200&offset=200' 'limit=200&offset=400'; do
                call -H "$(as $T)" "$U/api/batches/many/changes?$part"; keys
            done
            call -H "$(as $T)" "$U/api/points/compare?from=many%5E&to=many&limit=5"; keys
            call -H "$(as $T)" "$U/api/blame?table=items&key=10"
            python3 -c 'import json; print({c["batch"] for c in json.load(open("answer"))["columns"]})'
            """)
        #expect(
            lines == [
                "200", "200 300 10", "200", "100 300 210", "200", "0 300", "200", "5 300 10", "200", "{'many.1'}",
            ])
    }
}
