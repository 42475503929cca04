internal import CYAML

/// Reads the one document of a text into a tree.
///
/// The limits keep a hostile file from using more memory or stack than its size suggests: an alias may not refer to
/// a node around it, and counts with everything below it.
struct YAMLDocument: ~Copyable {
    static let largestSize = 1 << 20
    static let deepest = 50
    static let mostNodes = 100_000

    private var events: YAMLEvents
    private var anchors: [String: YAMLNode] = [:]
    private var nodes = 0

    private init(_ bytes: [UInt8]) throws(YAMLNode.Fault) { events = try YAMLEvents(bytes) }

    /// - Parameter limit: in bytes; nil for a text of our own.
    static func read(_ text: String, limit: Int? = largestSize) throws(YAMLNode.Fault) -> YAMLNode {
        var bytes = Array(text.utf8)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard bytes.count <= limit ?? .max else {
            throw YAMLNode.Fault(.start, "the file is larger than \(largestSize / 1024) KiB")
        }
        var document = try YAMLDocument(bytes)
        return try document.root()
    }

    private mutating func root() throws(YAMLNode.Fault) -> YAMLNode {
        var event = try events.next()
        while case .other = event.kind { event = try events.next() }
        guard case .documentStart = event.kind else { throw YAMLNode.Fault(.start, "the file is empty") }
        let root = try node(try events.next(), depth: 0)
        repeat { event = try events.next() } while event.isSilent
        guard case .streamEnd = event.kind else {
            throw YAMLNode.Fault(event.start, "a second document begins here; write one document a file")
        }
        return root
    }

    private mutating func node(_ event: YAMLEvents.Event, depth: Int) throws(YAMLNode.Fault) -> YAMLNode {
        guard depth < YAMLDocument.deepest else {
            throw YAMLNode.Fault(event.start, "nested deeper than \(YAMLDocument.deepest) levels")
        }
        let before = nodes
        try count(1, at: event.start)
        let content: YAMLNode.Content
        var end = event.end
        switch event.kind {
        case .alias(let name): return try alias(name, event)
        case .scalar(let text, let isPlain): content = .scalar(text, isPlain: isPlain)
        case .sequenceStart: content = .sequence(try elements(depth: depth, end: &end))
        case .mappingStart: content = .mapping(try entries(depth: depth, end: &end))
        default: throw YAMLNode.Fault(event.start, "a value is missing")
        }
        let node = YAMLNode(content: content, start: event.start, end: end, weight: nodes - before)
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func alias(_ name: String, _ event: YAMLEvents.Event) throws(YAMLNode.Fault) -> YAMLNode {
        guard let target = anchors[name] else {
            throw YAMLNode.Fault(event.start, "nothing above has the anchor &\(name)")
        }
        try count(target.weight, at: event.start)
        return target
    }

    private mutating func elements(depth: Int, end: inout YAMLMark) throws(YAMLNode.Fault) -> [YAMLNode] {
        var elements: [YAMLNode] = []
        while true {
            let event = try events.next()
            end = event.end
            if case .end = event.kind { return elements }
            elements.append(try node(event, depth: depth + 1))
        }
    }

    private mutating func entries(depth: Int, end: inout YAMLMark) throws(YAMLNode.Fault) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        while true {
            let event = try events.next()
            end = event.end
            if case .end = event.kind { return entries }
            guard case .scalar(let key, _) = event.kind else {
                throw YAMLNode.Fault(event.start, "a key must be plain text")
            }
            let value = try node(try events.next(), depth: depth + 1)
            entries.append(YAMLNode.Entry(key: key, mark: event.start, value: value))
        }
    }

    private mutating func count(_ more: Int, at mark: YAMLMark) throws(YAMLNode.Fault) {
        nodes += more
        guard nodes <= YAMLDocument.mostNodes else {
            throw YAMLNode.Fault(
                mark, "more than \(YAMLDocument.mostNodes) values, aliases counted as often as they are used")
        }
    }
}

extension YAMLEvents.Event {
    fileprivate var isSilent: Bool { if case .other = kind { true } else { false } }
}

/// The events of libyaml over one text, as Swift values.
struct YAMLEvents: ~Copyable {
    enum Kind {
        case documentStart
        case scalar(String, isPlain: Bool)
        case sequenceStart
        case mappingStart
        /// Of a sequence or a mapping.
        case end
        case alias(String)
        case streamEnd
        /// Says nothing about the content.
        case other
    }

    struct Event {
        let kind: Kind
        let anchor: String?
        let start: YAMLMark
        let end: YAMLMark
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    /// libyaml reads from here until the end; it does not copy.
    private let input: UnsafeMutableBufferPointer<UInt8>

    /// - Parameter bytes: valid UTF-8.
    init(_ bytes: [UInt8]) throws(YAMLNode.Fault) {
        parser = .allocate(capacity: 1)
        input = .allocate(capacity: max(1, bytes.count))
        _ = input.initialize(fromContentsOf: bytes)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            input.deallocate()
            parser.deallocate()
            throw YAMLNode.Fault(.start, "no memory for the YAML parser")
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    mutating func next() throws(YAMLNode.Fault) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw fault() }
        defer { yaml_event_delete(&event) }
        let start = YAMLEvents.mark(event.start_mark)
        let (kind, anchor, tag) = YAMLEvents.content(event)
        guard tag == nil || tag == "!" else {
            throw YAMLNode.Fault(start, "tags like \(tag ?? "") are not used here; write the value without it")
        }
        return Event(kind: kind, anchor: anchor, start: start, end: YAMLEvents.mark(event.end_mark))
    }

    private static func content(_ event: yaml_event_t) -> (Kind, anchor: String?, tag: String?) {
        let data = event.data
        switch event.type {
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, nil, nil)
        case YAML_STREAM_END_EVENT: return (.streamEnd, nil, nil)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return (.end, nil, nil)
        case YAML_ALIAS_EVENT: return (.alias(text(data.alias.anchor) ?? ""), nil, nil)
        case YAML_SEQUENCE_START_EVENT:
            return (.sequenceStart, text(data.sequence_start.anchor), text(data.sequence_start.tag))
        case YAML_MAPPING_START_EVENT:
            return (.mappingStart, text(data.mapping_start.anchor), text(data.mapping_start.tag))
        case YAML_SCALAR_EVENT:
            let value = UnsafeBufferPointer(start: data.scalar.value, count: data.scalar.length)
            let isPlain = data.scalar.style == YAML_PLAIN_SCALAR_STYLE
            let scalar = Kind.scalar(String(decoding: value, as: UTF8.self), isPlain: isPlain)
            return (scalar, text(data.scalar.anchor), text(data.scalar.tag))
        default: return (.other, nil, nil)
        }
    }

    private static func text(_ characters: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        characters.map { String(cString: $0) }
    }

    private static func mark(_ mark: yaml_mark_t) -> YAMLMark {
        YAMLMark(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    /// libyaml's words, with where it was when it gave up.
    private func fault() -> YAMLNode.Fault {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
        if parser.pointee.error == YAML_READER_ERROR {
            return YAMLNode.Fault(place(ofByte: Int(parser.pointee.problem_offset)), problem)
        }
        let context = parser.pointee.context.map { String(cString: $0) + ": " } ?? ""
        return YAMLNode.Fault(YAMLEvents.mark(parser.pointee.problem_mark), context + problem)
    }

    private func place(ofByte offset: Int) -> YAMLMark {
        var mark = YAMLMark.start
        for byte in input.prefix(offset) {
            if byte == 10 {
                mark = YAMLMark(line: mark.line + 1, column: 1)
            } else if byte & 0xC0 != 0x80 {
                mark.column += 1
            }
        }
        return mark
    }
}
