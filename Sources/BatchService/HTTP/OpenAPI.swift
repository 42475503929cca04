public import BatchCore

/// `openapi.yaml`, made of the same table by which the server answers.
public enum OpenAPI {
    /// OpenAPI 3.1
    public static var document: JSONValue {
        var paths: [JSONValue.Member] = []
        for route in API.routes {
            let member = JSONValue.Member(route.method.rawValue.lowercased(), operation(route))
            if let place = paths.firstIndex(where: { $0.key == route.path }) {
                paths[place] = .init(route.path, .object((paths[place].value.members ?? []) + [member]))
            } else {
                paths.append(.init(route.path, .object([member])))
            }
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "batchmgr", "version": "1",
                "description":
                    "What a service of batchmgr answers: docs/http.md. Answers are the documents of the verbs with --json.",
            ],
            "servers": [["url": "http://127.0.0.1:18083"]],
            "security": [["bearer": []], ["key": []], ["session": []]],
            "paths": .object(paths),
            "components": [
                "securitySchemes": [
                    "bearer": ["type": "http", "scheme": "bearer"],
                    "key": ["type": "apiKey", "in": "header", "name": "X-Api-Key"],
                    "session": ["type": "apiKey", "in": "cookie", "name": .string(BrowserSessions.cookie)],
                ],
                "responses": sharedResponses,
                "schemas": ["Error": errorSchema, "PlainError": plainErrorSchema],
            ],
        ]
    }

    public static var yaml: String {
        var text = "# Made by `batchmgr openapi`; a test holds it against the server.\n"
        YAMLText.write(document, indent: 0, to: &text)
        return text
    }

    // MARK: Calls

    private static func operation(_ route: Route) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("operationId", .string(route.name)), .init("summary", .string(route.summary)),
            .init("description", .string(description(route))),
        ]
        let common = route.hasTenants ? [Parameter.database, .tenant] : []
        let parameters =
            route.places.map { parameter($0, in: "path") } + (route.query + common).map { parameter($0, in: "query") }
        if !parameters.isEmpty { members.append(.init("parameters", .array(parameters))) }
        if !route.body.isEmpty { members.append(.init("requestBody", body(route))) }
        if case .anybody = route.access { members.append(.init("security", .array([]))) }
        if case .open = route.access {
            members.append(.init("security", [[:], ["bearer": []], ["key": []], ["session": []]]))
        }
        members.append(.init("responses", responses(route)))
        return .object(members)
    }

    private static func description(_ route: Route) -> String {
        switch route.access {
        case .anybody: "Takes no token."
        case .open:
            "Takes no token on the machine of the service, unless http.public is false; elsewhere the role viewer."
        case .role(let role): "Takes the role \(role.rawValue)."
        }
    }

    private static func parameter(_ parameter: Parameter, in place: String) -> JSONValue {
        [
            "name": .string(parameter.name), "in": .string(place), "description": .string(parameter.summary),
            "required": .bool(place == "path" || parameter.isRequired), "schema": schema(parameter.shape),
        ]
    }

    private static func body(_ route: Route) -> JSONValue {
        let required = route.body.filter(\.isRequired).map { JSONValue.string($0.name) }
        let properties = route.body.map { parameter -> JSONValue.Member in
            let members = schema(parameter.shape).members ?? []
            return .init(parameter.name, .object(members + [.init("description", .string(parameter.summary))]))
        }
        return [
            "required": .bool(!required.isEmpty),
            "content": [
                "application/json": [
                    "schema": [
                        "type": "object", "properties": .object(properties), "required": .array(required),
                        "additionalProperties": false,
                    ]
                ]
            ],
        ]
    }

    private static func schema(_ shape: Parameter.Shape) -> JSONValue {
        switch shape {
        case .text(let pattern): ["type": "string", "pattern": .string(pattern)]
        case .integer(let range):
            ["type": "integer", "minimum": JSONValue(range.lowerBound), "maximum": JSONValue(range.upperBound)]
        case .boolean: ["type": "boolean"]
        case .choice(let words): ["type": "string", "enum": .array(words.map(JSONValue.string))]
        case .series:
            [
                "type": "object", "maxProperties": 1_000,
                "additionalProperties": ["type": "array", "items": ["type": "number", "minimum": 0]],
            ]
        case .texts(let pattern):
            ["type": "array", "maxItems": 1_000, "items": ["type": "string", "pattern": .string(pattern)]]
        case .assignments:
            [
                "type": "object", "maxProperties": 100,
                "propertyNames": ["type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$"],
                "additionalProperties": ["type": ["string", "integer", "number", "boolean"]],
            ]
        }
    }

    // MARK: Answers

    private static let faults: [(status: Int, meaning: String)] = [
        (400, "The request is wrong"), (401, "A token is missing, or is not valid"),
        (403, "Refused: by role, tenant or a rule"), (404, "There is no such thing"),
        (405, "This path does not take that method"), (409, "Refused in the present state"),
        (413, "The body is too large"), (415, "The body is not JSON"), (429, "Too many requests; see Retry-After"),
        (500, "Something beside the request failed"), (503, "Busy; try again"), (507, "The disk is full"),
    ]

    private static func responses(_ route: Route) -> JSONValue {
        var members: [JSONValue.Member] = [.init("200", answer("Done", route.answer))]
        if route.statuses.contains(202) {
            members.append(.init("202", answer("A patch plan was made, and waits for approval", .report(["plan"]))))
        }
        for (status, _) in faults {
            let isHealth = status == 503 && route.statuses.contains(503)
            let shared = "#/components/responses/\(route.hasPlainErrors ? "Plain" : "")\(status)"
            members.append(
                .init(
                    "\(status)",
                    isHealth
                        ? answer("Not ready", route.answer) : .object([.init("$ref", .string(shared))])))
        }
        return .object(members)
    }

    /// What every call may answer: one for each status, and for the calls of the pipeline another one.
    private static var sharedResponses: JSONValue {
        func responses(_ prefix: String, _ schema: String) -> [JSONValue.Member] {
            faults.map { status, meaning in
                let error = JSONValue.object([.init("$ref", .string("#/components/schemas/\(schema)"))])
                return .init(
                    "\(prefix)\(status)",
                    ["description": .string(meaning), "content": ["application/json": ["schema": error]]])
            }
        }
        return .object(responses("", "Error") + responses("Plain", "PlainError"))
    }

    private static func answer(_ description: String, _ answer: Route.Answer) -> JSONValue {
        let content: JSONValue
        switch answer {
        case .report(let keys):
            content = [
                "application/json": [
                    "schema": ["type": "object", "required": .array(keys.map(JSONValue.string))]
                ]
            ]
        case .array: content = ["application/json": ["schema": ["type": "array", "items": ["type": "object"]]]]
        case .text(let type):
            let text: JSONValue = ["schema": ["type": "string"]]
            let json: JSONValue = ["schema": ["type": "object"]]
            content =
                type == "text/plain" ? ["text/plain": text, "application/json": json] : .object([.init(type, text)])
        case .file(let types):
            content = .object(
                types.map { .init($0, ["schema": ["type": $0 == "application/json" ? "object" : "string"]]) })
        case .events: content = ["text/event-stream": ["schema": ["type": "string"]]]
        }
        return ["description": .string(description), "content": content]
    }

    private static let errorSchema: JSONValue = [
        "type": "object", "required": ["format_version", "error"],
        "properties": [
            "format_version": ["type": "integer"],
            "error": [
                "type": "object", "required": ["code", "class", "message", "hint", "exit_code"],
                "properties": [
                    "code": ["type": "string"], "class": ["type": "string"], "message": ["type": "string"],
                    "hint": ["type": "string"], "exit_code": ["type": "integer"],
                ],
            ],
        ],
    ]

    private static let plainErrorSchema: JSONValue = [
        "type": "object", "required": ["error", "status"],
        "properties": ["error": ["type": "string"], "status": ["type": "integer"]],
    ]
}

/// JSON as YAML in blocks; every text stands in quotes, as JSON writes it.
private enum YAMLText {
    static func write(_ value: JSONValue, indent: Int, to text: inout String) {
        let space = String(repeating: "  ", count: indent)
        switch value {
        case .object(let members) where !members.isEmpty:
            for member in members {
                text += "\(space)\(JSONWriter.text(.string(member.key))):"
                writeBehind(member.value, indent: indent, to: &text)
            }
        case .array(let elements) where !elements.isEmpty:
            for element in elements {
                text += "\(space)-"
                writeBehind(element, indent: indent, to: &text)
            }
        default: text += space + JSONWriter.text(value) + "\n"
        }
    }

    private static func writeBehind(_ value: JSONValue, indent: Int, to text: inout String) {
        let isBlock = value.members.map { !$0.isEmpty } ?? value.array.map { !$0.isEmpty } ?? false
        if isBlock {
            text += "\n"
            write(value, indent: indent + 1, to: &text)
        } else {
            text += " \(JSONWriter.text(value))\n"
        }
    }
}
