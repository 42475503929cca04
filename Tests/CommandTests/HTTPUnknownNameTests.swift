import TestSupport
import Testing

/// A name that is not there is 404 on every call, whatever it is the name of.
@Suite struct HTTPUnknownNameTests {
    /// The calls and their parameters are those of `openapi.yaml`: a new call is held against this as soon as it is there.
    @Test func whatIsNotThereIsNotFound() throws {
        let lines = try ServedWorkspace.lines(
            #"""
            "$TOOL" run bump --tenant acme -q >/dev/null
            token ann --role admin
            cat >names.py <<'PY'
            import json, os, re, subprocess, sys, urllib.error, urllib.request

            url, token = sys.argv[1:]
            document = json.loads(subprocess.run([os.environ["TOOL"], "openapi", "--json"], capture_output=True).stdout)["schema"]
            # What is a name, beside all that stands in a path.
            queries = {"tenant", "database", "table", "with", "at", "from", "to", "batch", "job", "actor", "action", "id"}
            bodies = {"job", "tenant", "module"}
            # What else a call takes is there.
            there = {"id": "bump.1", "job": "bump", "name": "first", "table": "items", "key": "1", "at": "bump.1", "from": "bump.1", "to": "bump.1", "page": "1"}
            # To record a release gives it its name; a time is no name.
            spared = {("recordRelease", "name"), ("tryExpression", "from")}
            names = ["nothing", "nothing.9", "plan.9", "incident.9", "support.9", "9", "99999", "NOTHING"]

            def missing(parameter):
                schema = parameter["schema"] if "schema" in parameter else parameter
                if schema["type"] == "integer":
                    return "9999" if schema["maximum"] > 9999 else None
                if "enum" in schema: return None
                return next(n for n in names if re.search(schema.get("pattern", ""), n))

            def filled(schema):
                values = {}
                for name in set(schema.get("required", [])) | {"reason", "value"} & set(schema["properties"]):
                    member = schema["properties"][name]
                    kind = member["type"]
                    values[name] = (member["enum"][0] if "enum" in member else 1 if kind in ("integer", "number") else True if kind == "boolean"
                        else {} if kind == "object" else there.get(name, "2026-03-01T00:00Z" if name in ("from", "to") else "text"))
                if "from" in values: values.update({"from": "2026-03-01T00:00Z", "to": "2026-03-04T00:00Z"})
                return values

            def call(method, path, query, body):
                text = "&".join(f"{k}={v}" for k, v in query.items())
                request = urllib.request.Request(f"{url}{path}" + (f"?{text}" if text else ""), method=method.upper())
                request.add_header("Authorization", "Bearer " + token)
                if body is not None:
                    request.add_header("Content-Type", "application/json")
                    request.data = json.dumps(body).encode()
                try:
                    with urllib.request.urlopen(request, timeout=20) as answer: return answer.status, {}
                except urllib.error.HTTPError as error:
                    return error.code, json.loads(error.read() or b"{}")

            tried = wrong = 0
            for path, calls in document["paths"].items():
                for method, operation in calls.items():
                    parameters = operation.get("parameters", [])
                    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
                    given = filled(body) if body else None
                    needed = {p["name"]: there.get(p["name"], "text") for p in parameters if p["in"] == "query" and p["required"]}
                    places = [p for p in parameters if p["in"] == "path"]
                    cases = []
                    if places and all(missing(p) for p in places):
                        cases.append(("path", {p["name"]: missing(p) for p in places}, {}, {}))
                    for p in parameters:
                        if p["in"] == "query" and p["name"] in queries and not places and missing(p):
                            cases.append((p["name"], {}, {p["name"]: missing(p)}, {}))
                    for name, member in (body or {}).get("properties", {}).items():
                        if name in bodies and not places and missing(member):
                            cases.append((name, {}, {}, {name: missing(member)}))
                    for what, place, query, members in cases:
                        if (operation["operationId"], what) in spared: continue
                        full = path
                        for name, value in place.items(): full = full.replace("{" + name + "}", value)
                        sent = None if given is None else {**given, **members}
                        status, answer = call(method, full, {**needed, **query}, sent)
                        code = answer.get("error", {})
                        code = code.get("code", "") if isinstance(code, dict) else "plain"
                        tried += 1
                        if status != 404 or not (code.startswith("ERR_UX_UNKNOWN_") or code == "plain"):
                            wrong += 1
                            print(operation["operationId"], what, status, code, answer.get("error", {}))
            print("wrong", wrong, "of many" if tried > 100 else f"of {tried}")
            PY
            python3 names.py $U $T
            """#)
        #expect(lines == ["wrong 0 of many"])
    }
}
