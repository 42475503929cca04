/// A version by semver.org: `1.2.0`, `2.0.0-rc.1+build.5`.
public struct SemanticVersion: Hashable, Sendable, CustomStringConvertible {
    public let major: Int
    public let minor: Int
    public let patch: Int
    /// The dot-separated parts after `-`.
    public let preRelease: [String]
    /// What stands after `+`; it has no part in comparing.
    public let build: String?

    public init(major: Int, minor: Int, patch: Int, preRelease: [String] = [], build: String? = nil) {
        self.major = major
        self.minor = minor
        self.patch = patch
        self.preRelease = preRelease
        self.build = build
    }

    /// Nil when the text is not of that form.
    public init?(_ text: String) {
        let plus = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let dash = plus[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = dash[0].split(separator: ".", omittingEmptySubsequences: false).map(SemanticVersion.number)
        guard numbers.count == 3, let major = numbers[0], let minor = numbers[1], let patch = numbers[2] else {
            return nil
        }
        var preRelease: [String] = []
        if dash.count > 1 {
            let parts = dash[1].split(separator: ".", omittingEmptySubsequences: false)
            guard parts.allSatisfy(SemanticVersion.isPreReleasePart) else { return nil }
            preRelease = parts.map(String.init)
        }
        if plus.count > 1 {
            let parts = plus[1].split(separator: ".", omittingEmptySubsequences: false)
            guard parts.allSatisfy(SemanticVersion.isPart) else { return nil }
        }
        self.init(
            major: major, minor: minor, patch: patch, preRelease: preRelease,
            build: plus.count > 1 ? String(plus[1]) : nil)
    }

    public var description: String {
        let tail = preRelease.isEmpty ? "" : "-" + preRelease.joined(separator: ".")
        return "\(major).\(minor).\(patch)\(tail)" + (build.map { "+" + $0 } ?? "")
    }

    private static func number(_ text: Substring) -> Int? {
        guard isNumeric(text), text.utf8.count <= 9, text == "0" || text.utf8.first != UInt8(ascii: "0") else {
            return nil
        }
        return Int(text)
    }

    private static func isNumeric(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
    }

    private static func isPart(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                ($0 >= 48 && $0 <= 57) || (($0 | 32) >= 97 && ($0 | 32) <= 122) || $0 == UInt8(ascii: "-")
            }
    }

    /// A number in a pre-release has no leading zero, so that each version is written in one way only.
    private static func isPreReleasePart(_ text: Substring) -> Bool {
        isPart(text) && (!isNumeric(text) || text == "0" || text.utf8.first != UInt8(ascii: "0"))
    }
}

extension SemanticVersion: Comparable {
    /// Precedence: a pre-release comes before its release, numbers before words.
    public static func < (a: SemanticVersion, b: SemanticVersion) -> Bool {
        let left = [a.major, a.minor, a.patch]
        let right = [b.major, b.minor, b.patch]
        if left != right { return left.lexicographicallyPrecedes(right) }
        if a.preRelease.isEmpty || b.preRelease.isEmpty { return !a.preRelease.isEmpty && b.preRelease.isEmpty }
        return a.preRelease.lexicographicallyPrecedes(b.preRelease) { precedes($0, $1) }
    }

    private static func precedes(_ a: String, _ b: String) -> Bool {
        let left = isNumeric(a[...])
        let right = isNumeric(b[...])
        guard left && right else { return left != right ? left : a.utf8.lexicographicallyPrecedes(b.utf8) }
        // No leading zeros: the longer number is the greater one, whatever its size.
        if a.utf8.count != b.utf8.count { return a.utf8.count < b.utf8.count }
        return a.utf8.lexicographicallyPrecedes(b.utf8)
    }
}
