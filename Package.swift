// swift-tools-version: 6.2
import PackageDescription

let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// A C library: a module map and a shim, no code of ours.
func library(_ name: String) -> Target {
    .systemLibrary(name: name)
}

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: house)
}

/// The module on the way of every changed row. Access to a variable of a class costs two calls there; debug builds,
/// and so the tests of a developer, still check it.
let fast: [SwiftSetting] = house + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: house,
        // The module map does not name libsqlite3: the extension must not link it.
        linkerSettings: [.linkedLibrary("sqlite3")])
}

let package = Package(
    name: "batchmgr",
    products: [
        .executable(name: "batchmgr", targets: ["batchmgr"]),
        // scripts/build-extension makes batchmgr.so of it; two products cannot have one name.
        .library(name: "batchmgrext", type: .dynamic, targets: ["BatchExtension"]),
    ],
    targets: [
        library("CSQLite"), library("CGit2"), library("CYAML"), library("CZstd"), library("CXXHash"),
        library("CCurl"), library("CCrypto"), library("CGLib"), library("CDeflate"), library("CLinux"),
        library("CMicrohttpd"), library("CTesseract"), library("CLeptonica"), library("CQPDF"), library("CArchive"),
        // The pages of the console, in the program.
        .target(name: "CConsole", exclude: ["web"]),
        // A file of C, and no header that Swift imports: it needs _GNU_SOURCE, and a module of C headers that sets it has
        // other types than the modules beside it.
        .target(name: "TesseractShortcuts"),
        module("BatchCore", []),
        module("BatchSystem", ["BatchCore", "CLinux"]),
        .target(
            name: "BatchLedger", dependencies: ["BatchCore", "BatchSystem", "CSQLite", "CXXHash", "CZstd"],
            swiftSettings: fast),
        module(
            "BatchHistory",
            [
                "BatchCore", "BatchSystem", "BatchLedger", "CGit2", "CCrypto", "CDeflate", "CXXHash", "CZstd",
            ]),
        module("BatchCatalog", ["BatchCore", "BatchSystem", "CYAML"]),
        module("BatchControl", ["BatchCore", "BatchSystem", "BatchLedger"]),
        module(
            "BatchEngine",
            ["BatchCore", "BatchSystem", "BatchLedger", "BatchHistory", "BatchCatalog", "BatchControl", "CCurl"]),
        module(
            "BatchDocuments",
            [
                "BatchCore", "BatchSystem", "BatchLedger", "BatchHistory", "BatchCatalog", "BatchControl",
                "BatchEngine",
                "CTesseract", "TesseractShortcuts", "CLeptonica", "CQPDF", "CArchive", "CDeflate",
            ]),
        module("BatchHealing", ["BatchCore", "BatchSystem", "BatchCatalog", "BatchControl", "BatchEngine"]),
        module(
            "BatchService",
            [
                "BatchCore", "BatchSystem", "BatchCatalog", "BatchControl", "BatchEngine", "BatchHealing",
                "BatchDocuments", "CConsole", "CGLib", "CMicrohttpd",
            ]),
        .executableTarget(
            name: "batchmgr",
            dependencies: [
                "BatchCore", "BatchSystem", "BatchLedger", "BatchHistory", "BatchCatalog", "BatchControl",
                "BatchEngine",
                "BatchHealing", "BatchDocuments", "BatchService",
            ],
            swiftSettings: house, linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "SQLiteForward"),
        module("BatchExtension", ["BatchCore", "BatchSystem", "BatchLedger", "CSQLite", "SQLiteForward"]),
        .target(
            name: "TestSupport", dependencies: ["BatchCore", "BatchLedger"], path: "Tests/TestSupport",
            swiftSettings: house),
        tests("CoreTests", ["BatchCore"]),
        tests("SystemTests", ["BatchCore", "BatchSystem"]),
        tests("LedgerTests", ["BatchCore", "BatchLedger"]),
        tests("HistoryTests", ["BatchCore", "BatchSystem", "BatchLedger", "BatchHistory"]),
        tests("ControlTests", ["BatchCore", "BatchSystem", "BatchLedger", "BatchHistory", "BatchControl"]),
        tests(
            "EngineTests", ["BatchCore", "BatchSystem", "BatchLedger", "BatchHistory", "BatchCatalog", "BatchEngine"]),
        tests(
            "ServiceTests",
            ["BatchCore", "BatchSystem", "BatchLedger", "BatchCatalog", "BatchControl", "BatchEngine", "BatchService"]),
        tests("DocumentTests", ["BatchCore", "BatchLedger", "BatchDocuments", "batchmgr"]),
        tests("HealingTests", ["BatchCore", "BatchCatalog", "BatchEngine", "BatchHealing", "batchmgr"]),
        tests("CommandTests", ["BatchCore", "BatchLedger", "BatchHistory", "BatchCatalog", "BatchEngine", "batchmgr"]),
        tests("ExtensionTests", ["BatchCore", "batchmgr"]),
        tests("GateTests", ["BatchCore", "BatchLedger", "BatchHistory", "BatchCatalog", "BatchEngine", "batchmgr"]),
    ]
)
