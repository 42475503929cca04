/// Names of people, compared as people read them: nobody becomes somebody else by a letter that only looks different to a
/// program, or by one that nobody sees.
///
/// It errs to "the same": an approval that is refused costs a minute, a person who approves their own work costs the rule.
public enum PersonName {
    public static func isSame(_ a: String, _ b: String) -> Bool { skeleton(a) == skeleton(b) }

    /// What is left of a name when case, accents, spaces, punctuation, invisible characters and styles of letters are
    /// taken away, and letters that look like Latin ones are those. Compared by canonical equivalence.
    static func skeleton(_ name: String) -> String {
        var visible = String.UnicodeScalarView()
        for scalar in name.unicodeScalars where isSeen(scalar) { visible.append(plain(scalar)) }
        // Both ways, since some letters have a capital and no small letter of their own: ß, ſ, ligatures.
        var skeleton = String.UnicodeScalarView()
        for scalar in String(visible).uppercased().lowercased().unicodeScalars {
            skeleton.append(alike[scalar] ?? scalar)
        }
        return String(skeleton)
    }

    private static func isSeen(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        if properties.isDefaultIgnorableCodePoint || properties.generalCategory == .format { return false }
        switch properties.generalCategory {
        // Accents after a letter go with those of the table below.
        case .nonspacingMark, .enclosingMark: return false
        case .otherSymbol: return plain(scalar) != scalar
        default: return properties.isAlphabetic || properties.numericType != nil
        }
    }

    /// Letters and digits in other styles: full width, mathematical, in circles and squares.
    fileprivate static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        let value = scalar.value
        func letter(_ first: UInt32, _ count: UInt32, from base: Unicode.Scalar) -> Unicode.Scalar {
            Unicode.Scalar(base.value + (value - first) % count) ?? scalar
        }
        switch value {
        case 0xFF01...0xFF5E: return Unicode.Scalar(value - 0xFEE0) ?? scalar
        case 0x1D400...0x1D6A3:
            let place = (value - 0x1D400) % 52
            return Unicode.Scalar(place < 26 ? 0x41 + place : 0x61 + place - 26) ?? scalar
        case 0x1D7CE...0x1D7FF: return letter(0x1D7CE, 10, from: "0")
        case 0x249C...0x24B5: return letter(0x249C, 26, from: "a")
        case 0x24B6...0x24E9: return letter(0x24B6, 26, from: "a")
        case 0x1F110...0x1F129: return letter(0x1F110, 26, from: "a")
        case 0x1F130...0x1F149: return letter(0x1F130, 26, from: "a")
        case 0x1F150...0x1F169: return letter(0x1F150, 26, from: "a")
        case 0x1F170...0x1F189: return letter(0x1F170, 26, from: "a")
        default: return scalar
        }
    }

    /// For each Latin letter the small letters that are read as it: accented, raised and lowered ones, small capitals,
    /// and those of Cyrillic, Greek and Armenian. Digits stand with the letters that they are taken for.
    private static let lookAlikes: [(Unicode.Scalar, String)] = [
        ("a", "àáâãäåāăąǎȁȃȧạảấầẩẫậắằẳẵặªᵃₐᴀɑаαӑӓ"), ("b", "ƀɓᵇʙвβь"), ("c", "çćĉċčᶜᴄсϲⅽℂ"), ("d", "ďđḍɖᵈᴅԁⅾ"),
        ("e", "èéêëēĕėęěȅȇẹẻẽếềểễệᵉₑᴇеҽєεѐёℯ"), ("f", "ƒᶠꜰғ"), ("g", "ĝğġģǧǵᵍɢɡցℊ"), ("h", "ĥħḥʰₕʜһнհℎ"),
        ("k", "ķǩƙᵏₖᴋкκќ"), ("l", "iìíîïĩīĭįıǐȉȋịỉⁱɪіїιӏⅰ1ĺļľŀłˡₗʟⅼjĵǰʲᴊјϳ"), ("m", "ᵐₘᴍмⅿ"),
        ("n", "ñńņňǹŉⁿₙɴηпո"), ("o", "òóôõöøōŏőơǒȍȏọỏốồổỗộớờởỡợºᵒₒᴏоοσօ0ӧℴ"), ("p", "ᵖₚᴘрρ"), ("q", "ԛզ"),
        ("r", "ŕŗřȑȓʳʀг"), ("s", "śŝşšșˢₛꜱѕ"), ("t", "ţťŧțᵗₜᴛтτ"), ("u", "ùúûüũūŭůűųưǔȕȗụủứừửữựᵘᴜυսμц"),
        ("v", "ᵛᴠνѵⅴ"), ("w", "ŵẁẃẅʷᴡԝωш"), ("x", "ˣₓхχⅹ"), ("y", "ýÿŷỳỵỷỹʸʏуγўү"), ("z", "źżžᶻᴢ"),
    ]

    fileprivate static let alike: [Unicode.Scalar: Unicode.Scalar] = {
        var table: [Unicode.Scalar: Unicode.Scalar] = [:]
        for (letter, others) in lookAlikes {
            for scalar in others.unicodeScalars { table[scalar] = letter }
        }
        return table
    }()
}

/// What may name a tenant: the value of a column, or a part of the path of a file.
public enum TenantID {
    public static let rule =
        "1 to 64 letters, digits, '_', '-', '.' or '@', beginning with a letter or digit, without '..'"
    public static let fileRule =
        "1 to 64 ASCII letters, digits, '_', '-' or '.', beginning with a letter or digit, without '..' and no '.' last"

    public static func isValid(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, text.unicodeScalars.count <= 64, isWord(first) else {
            return false
        }
        return !text.contains("..")
            && text.unicodeScalars.allSatisfy { isWord($0) || "_-.@".unicodeScalars.contains($0) }
    }

    /// A name that is safe in a path, and in the name of a branch.
    public static func isValidInPath(_ text: String) -> Bool {
        isValid(text) && !text.hasSuffix(".") && !text.hasSuffix(".lock")
            && text.utf8.allSatisfy { $0 < 128 && $0 != 64 }
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
    }

    /// Whether two different names look alike because letters of different scripts do: `acme` with a Cyrillic a. These are
    /// the mixed-script and whole-script confusables of Unicode TR39, for the letters of `PersonName`.
    ///
    /// Within one script people tell letters apart: `a1` and `al`, `cafe` and `café` are names of two tenants.
    public static func looksLike(_ a: String, _ b: String) -> Bool {
        let (left, right) = (a.unicodeScalars, b.unicodeScalars)
        guard left.count == right.count, !left.elementsEqual(right) else { return false }
        return zip(left, right).allSatisfy { one, other in
            if one == other { return true }
            return Script(one) != Script(other) && shape(one) == shape(other)
        }
    }

    /// What a letter looks like: capitals and small letters apart.
    private static func shape(_ scalar: Unicode.Scalar) -> String {
        let plain = PersonName.plain(scalar)
        let isCapital = plain.properties.isUppercase
        let small = plain.properties.lowercaseMapping
        let letter = small.unicodeScalars.first.flatMap { PersonName.alike[$0] ?? $0 }.map(String.init) ?? small
        return isCapital ? letter.uppercased() : letter
    }

    private enum Script {
        case latin, greek, cyrillic, armenian
        /// Phonetic letters, letters in other styles, and all else.
        case other

        init(_ scalar: Unicode.Scalar) {
            self =
                switch scalar.value {
                case 0...0x24F, 0x1E00...0x1EFF: .latin
                case 0x370...0x3FF, 0x1F00...0x1FFF: .greek
                case 0x400...0x52F: .cyrillic
                case 0x530...0x58F: .armenian
                default: .other
                }
        }
    }
}
