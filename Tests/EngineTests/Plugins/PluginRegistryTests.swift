import BatchCore
import BatchEngine
import Testing

@Suite struct PluginRegistryTests {
    let folder = StepFolder()

    private func registry(_ declarations: [(name: String, path: String)]) throws -> PluginRegistry {
        try PluginRegistry(declarations, reserved: ["sql", "export"], folder: folder.path)
    }

    @Test("A name that is declared twice, or is a built-in kind, is refused")
    func duplicates() {
        for names in [["a", "b", "a"], ["a", "sql"]] {
            let error = #expect(throws: BatchError.self) { try registry(names.map { ($0, "plugin") }) }
            #expect(error?.code == .pluginDuplicate)
        }
    }

    @Test("A plugin that is not declared, not there or not executable is named before anything runs")
    func missing() throws {
        folder.write("#!/bin/sh\ntouch ran\n", to: "good", executable: true)
        folder.write("text", to: "plain")
        _ = folder.run(["mkdir", "folder"])
        let registry = try registry([
            ("good", "good"), ("absolute", folder.path + "/good"), ("plain", "plain"), ("folder", "folder"),
            ("gone", "no/such"), ("empty", ""),
        ])
        #expect(registry.names == ["absolute", "empty", "folder", "gone", "good", "plain"])
        try registry.require(["good", "absolute"])
        for name in ["plain", "folder", "gone", "empty", "undeclared"] {
            let error = #expect(throws: BatchError.self) { try registry.require(["good", name]) }
            #expect(error?.code == .pluginMissing)
            #expect(error?.message.contains("'\(name)'") == true)
        }
        #expect(folder.read("ran") == nil)
    }

    @Test("A plugin that vanished since is missing, not failed")
    func vanished() throws {
        let plugin = try registry([("gone", "gone")]).plugin("gone")
        let error = #expect(throws: BatchError.self) { try plugin.call(.describe) }
        #expect(error?.code == .pluginMissing)
    }

    @Test("A plugin is a file of the workspace, never found in PATH")
    func notInPath() throws {
        let registry = try registry([("true", "true")])
        let error = #expect(throws: BatchError.self) { try registry.require(["true"]) }
        #expect(error?.code == .pluginMissing)
    }
}
