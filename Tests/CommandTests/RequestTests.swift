import BatchCore
import BatchEngine
import TestSupport
import Testing
import batchmgr

@Suite struct RequestTests {
    static func arguments(_ line: [String]) throws -> ParsedArguments {
        guard case .run(let parsed) = try ArgumentParser.parse(line, ParserTests.tool) else {
            throw BatchError(.usage, "help", hint: "")
        }
        return parsed
    }

    /// Builds the request of the line's verb, as its command does.
    static func refusal(_ line: [String]) throws -> String? {
        let arguments = try arguments(line)
        do throws(BatchError) {
            switch arguments.verb {
            case .run: _ = try RunRequest(arguments)
            case .rollback: _ = try RollbackRequest(arguments)
            case .restore: _ = try RestoreRequest(arguments)
            case .diff: _ = try DiffRequest(arguments)
            case .graph: _ = try GraphRequest(arguments)
            case .initialize: _ = try WorkspaceSetup.Request(arguments)
            default: _ = try BatchRequest(arguments)
            }
            return nil
        } catch {
            #expect(error.code == .usage)
            return error.message
        }
    }

    @Test func runTakesAJobOrSQLOrAFile() throws {
        let job = try RunRequest(Self.arguments(["run", "--id", "reprice", "--set", "p=2.5", "--set", "q=a=b"]))
        #expect(job.job == "reprice")
        #expect(job.source == .catalog)
        #expect(job.parameters == [.init(name: "p", value: "2.5"), .init(name: "q", value: "a=b")])
        #expect(!job.isDryRun)
        let sql = try RunRequest(
            Self.arguments(["run", "--id", "fix", "--sql", "DELETE FROM t", "--dry-run", "--key", "k"]))
        #expect(sql.source == .sql("DELETE FROM t"))
        #expect(sql.isDryRun)
        #expect(sql.key == "k")
        #expect(try RunRequest(Self.arguments(["run", "--id", "fix", "--file", "x.sql"])).source == .file("x.sql"))
    }

    @Test func rollbackRestrictsUnlessToldOtherwise() throws {
        let plain = try RollbackRequest(Self.arguments(["rollback", "--id", "reprice"]))
        #expect(plain.batch == .latest(job: "reprice"))
        #expect(plain.mode == .restrict)
        #expect(plain.checkpoint == nil)
        let full = try RollbackRequest(
            Self.arguments([
                "rollback", "--id", "reprice.3", "--mode", "cascade", "--to", "2", "--dry-run",
                "--without-compensation",
            ]))
        #expect(full.batch == .batch(BatchID(job: "reprice", number: 3)))
        #expect(full.mode == .cascade)
        #expect(full.checkpoint == 2)
        #expect(full.isDryRun)
        #expect(full.allowsMissingCompensation)
    }

    @Test(arguments: [
        ("a.1", PointReference.after(BatchID(job: "a", number: 1))),
        ("a.1^", .before(BatchID(job: "a", number: 1))),
        ("1f6a9c0e", .revision("1f6a9c0e")), ("batch/a.1", .revision("batch/a.1")),
    ])
    func aPointIsABatchTheStateBeforeItOrARevision(text: String, point: PointReference) throws {
        #expect(try PointReference(text) == point)
        #expect(point.description == text)
    }

    @Test(arguments: ["", "-x", "a..b", "HEAD~1", "HEAD@{1}", "a:b", "a b", "a.1^^"])
    func otherWordsAreNoPoint(text: String) {
        #expect(throws: BatchError.self) { try PointReference(text) }
    }

    @Test func restoreDiffGraphListAndInitReadTheirOptions() throws {
        let restore = try RestoreRequest(
            Self.arguments(["restore", "--point", "a.1", "--to", "b.db", "--source", "git"]))
        #expect(restore.target == .file("b.db"))
        #expect(restore.source == .git)
        #expect(try RestoreRequest(Self.arguments(["restore", "--point", "a.1", "--in-place"])).target == .inPlace)
        let diff = try DiffRequest(Self.arguments(["diff", "a.1^", "a.2", "--stat", "--table", "t"]))
        #expect(diff.subject == .points(try PointReference("a.1^"), try PointReference("a.2")))
        #expect(diff.isStatistics)
        #expect(diff.table == "t")
        #expect(try DiffRequest(Self.arguments(["diff", "--id", "a", "--sql"])).isSQL)
        #expect(try GraphRequest(Self.arguments(["graph", "--id", "a", "--format", "dot"])).format == .dot)
        #expect(try GraphRequest(Self.arguments(["graph", "--id", "a", "--json"])).format == .json)
        let list = ListRequest(try Self.arguments(["list", "--job", "a", "--status", "rolled_back", "--limit", "5"]))
        #expect(list.job == "a")
        #expect(list.status == .rolledBack)
        #expect(list.limit == 5)
        let setup = try WorkspaceSetup.Request(Self.arguments(["init", "--database", "a.db", "--tenant-column", "t"]))
        #expect(setup.tenancy == .column)
        #expect(setup.tenantColumn == "t")
        #expect(try WorkspaceSetup.Request(Self.arguments(["init", "--database", "a.db"])).tenancy == Tenancy.none)
    }

    @Test(arguments: [
        (["run", "--id", "a b"], "'a b' is not a name for a job"),
        (["run", "--id", "a", "--sql", "x", "--file", "y"], "--sql and --file cannot be used together"),
        (["run", "--id", "a", "--set", "x=1", "--set", "x=2"], "parameter 'x' is set twice"),
        (["rollback", "--id", "1x"], "'1x' does not name a batch: write JOB.NUMBER, or JOB for its latest batch"),
        (["rollback", "--id", "a", "--to", "0"], "--to 0 would keep no checkpoint"),
        (["show", "--id", "../x"], "'../x' does not name a batch: write JOB.NUMBER, or JOB for its latest batch"),
        (["restore", "--point", "a.1"], "restore needs --to FILE, --in-place or --table TABLE"),
        (["restore", "--point", "a.1", "--to", "f", "--in-place"], "--to and --in-place cannot be used together"),
        (["diff"], "diff needs either --id BATCH or two points"),
        (["diff", "a.1", "a.2", "--id", "a"], "diff needs either --id BATCH or two points"),
        (["diff", "--id", "a", "--stat", "--sql"], "--stat and --sql cannot be used together"),
        (
            ["init", "--database", "a.db", "--tenancy", "column"],
            "init needs --tenant-column NAME for --tenancy column"
        ),
        (
            ["init", "--database", "a.db", "--tenancy", "none", "--tenant-column", "t"],
            "--tenant-column does not go with --tenancy none"
        ),
        (
            ["init", "--database", "a.db", "--tenancy", "file"],
            "--tenancy file needs a path with {tenant}, e.g. data/{tenant}.db"
        ),
        (["init", "--database", "{tenant}.db"], "a path with {tenant} needs --tenancy file"),
    ])
    func whatDoesNotGoTogetherIsRefused(line: [String], message: String) throws {
        #expect(try Self.refusal(line) == message)
    }
}
