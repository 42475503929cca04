import BatchCore
import TestSupport

/// A workspace with a service that answers over HTTP, for lines of `sh`.
///
/// `$U` is where it answers, `$P` its process; `call ARGUMENTS` is curl, and prints the status alone; `body` prints the answer.
/// `token NAME ROLE [OPTIONS]` makes a token and puts it into `$T`; `get PATH` and `post PATH [JSON]` call with it, and
/// `has PATTERN` counts the lines of the last answer that have something.
struct ServedWorkspace {
    private static let prelude = """
        set -u
        cd "$1"
        sqlite3 a.db "CREATE TABLE items(id INTEGER PRIMARY KEY, qty INTEGER, tenant_id TEXT);
            INSERT INTO items VALUES(1, 5, 'acme'), (2, 7, 'beta')"
        mkdir catalog
        printf 'databases:\\n  main:\\n    path: a.db\\n    tenancy: column\\n    tenant_column: tenant_id\\n%s\\n' "$2" >batchmgr.yaml
        cat >catalog/bump.yaml <<'YAML'
        id: bump
        version: 1.0.0
        description: Adds to a quantity
        tenant: required
        params:
          by: {type: integer, default: 1}
        steps:
          - id: add
            sql: UPDATE items SET qty = qty + :by WHERE tenant_id = :tenant
        YAML
        mkfifo said
        "$TOOL" serve --port 0 --workers 0 2>said >ended &
        P=$!
        exec 3<said
        U=
        while [ -z "$U" ] && read -r line <&3; do
            case $line in *"answers at "*) U=${line##* } ;; esac
        done
        # What is said later must not fill the pipe.
        cat <&3 >later &
        call() { curl -s -m 20 -o answer -w '%{http_code}\\n' "$@"; }
        body() { curl -s -m 20 "$@"; }
        json='Content-Type: application/json'
        token() { T=$("$TOOL" token create "$@" --json | sed 's/.*"token":"\\([a-z0-9_]*\\)".*/\\1/'); }
        as() { printf 'Authorization: Bearer %s' "$1"; }
        post() { path=$1; shift; [ $# -gt 0 ] || set '{}'; call -H "$(as $T)" -H "$json" -d "$1" "$U$path"; }
        get() { call -H "$(as $T)" "$U$1"; }
        has() { grep -c -e "$1" answer; }
        """

    private static let end = """

        kill -TERM $P
        wait $P
        echo "ended $?"
        """

    /// - Parameters:
    ///   - settings: more lines of `batchmgr.yaml`.
    ///   - before: what the shell does first, e.g. sets variables.
    /// - Returns: the lines that the script printed.
    static func lines(_ script: String, settings: String = "", before: String = "") throws -> [String] {
        try TemporaryFolder.with { folder in
            let result = try BuiltTool.shell(before + "\n" + prelude + "\n" + script + end, [folder, settings])
            var lines = result.out.split(separator: "\n").map(String.init)
            // The service is alive whatever was asked of it, and ends in good order.
            guard lines.popLast() == "ended 0" else { throw NotAlive(out: result.out, err: result.err) }
            return lines
        }
    }

    struct NotAlive: Error {
        let out: String
        let err: String
    }
}
