internal import TestSupport
internal import Testing

/// What the file is made of.
struct LibraryTests {
    @Test func itNeedsNeitherSwiftNorSQLite() throws {
        let needed = try BuiltTool.shell("readelf -d '\(Hosts.library)' | sed -n 's/.*(NEEDED).*\\[\\(.*\\)\\]/\\1/p'")
            .out
        let allowed: Set<Substring> = [
            "libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2",
            "ld-linux-aarch64.so.1",
        ]
        let names = Set(needed.split(separator: "\n"))
        #expect(names.contains("libc.so.6"))
        #expect(names.subtracting(allowed).isEmpty, "it needs \(names.subtracting(allowed))")
    }

    @Test func itExportsItsEntryAlone() throws {
        let symbols = try BuiltTool.shell("nm -D --defined-only --extern-only '\(Hosts.library)'").out
        #expect(symbols.split(separator: "\n").map { $0.split(separator: " ").last } == ["sqlite3_batchmgr_init"])
    }

    @Test func itIsStripped() throws {
        #expect(try BuiltTool.shell("readelf -S '\(Hosts.library)' | grep -c -E ' \\.(symtab|debug_)'").out == "0\n")
    }

    @Test func itRegistersExactlyWhatIsDocumented() throws {
        try TemporaryFolder.with { folder in
            let list = """
                SELECT name || '/' || narg FROM pragma_function_list WHERE name LIKE 'batch%' ORDER BY 1;
                SELECT name FROM pragma_module_list WHERE name LIKE 'batch%' ORDER BY 1;
                """
            let found = try Hosts.sqlite(folder, list).out.split(separator: "\n").map(String.init)
            #expect(
                found == [
                    "batch_abort/0", "batch_begin/1", "batch_begin/2", "batch_begin/3", "batch_checkpoint/1",
                    "batch_commit/0", "batch_digest/1", "batch_rollback/1", "batch_rollback/2", "batch_signal/2",
                    "batch_signal/3", "batch_switch/1",
                    "batchmgr_announcement/-1", "batchmgr_candidate/-1", "batchmgr_end/-1", "batchmgr_image/-1",
                    "batchmgr_record/-1",
                    "batchmgr_version/0",
                    "batch_as_of", "batch_audit", "batch_changes", "batch_checkpoints",
                    "batch_dependents", "batch_log", "batch_points", "batch_row_history", "batchmgr_transaction",
                ])
        }
    }

    /// The best of several: other work of the machine only ever makes it slower.
    @Test func itLoadsInLessThanTwentyMilliseconds() throws {
        try TemporaryFolder.with { folder in
            let program = """
                import time, subprocess
                def run(*words):
                    begin = time.perf_counter()
                    subprocess.run(["sqlite3", ":memory:", *words, "SELECT 1"], check=True, stdout=subprocess.DEVNULL)
                    return time.perf_counter() - begin
                bare = min(run() for _ in range(15))
                loaded = min(run(".load \(Hosts.name)") for _ in range(15))
                print(round((loaded - bare) * 1000, 1))
                """
            let result = try Hosts.python(folder, program)
            #expect(result.fault == nil)
            let milliseconds = try #require(Double(result.out.split(separator: "\n")[0]))
            #expect(milliseconds < 20)
        }
    }
}
