"""Receives OTLP over HTTP with JSON: each body becomes a line of got.jsonl. Says its port when it listens.

Where opentelemetry-proto is installed each body is read by the published schema, in which no other field may stand; what
is wrong is a line of wrong.txt."""
import base64
import http.server
import json

try:
    from google.protobuf import json_format
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
except ImportError:
    ExportTraceServiceRequest = None


def as_protobuf(value):
    """OTLP writes ids in hexadecimal digits, protobuf in base64."""
    if isinstance(value, list):
        return [as_protobuf(element) for element in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(member)).decode() if key in ("traceId", "spanId", "parentSpanId")
        else as_protobuf(member) for key, member in value.items()
    }


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("got.jsonl", "ab") as file:
            file.write(body.rstrip(b"\n") + b"\n")
        if ExportTraceServiceRequest:
            try:
                read = json_format.ParseDict(as_protobuf(json.loads(body)), ExportTraceServiceRequest())
                spans = [s for r in read.resource_spans for scope in r.scope_spans for s in scope.spans]
                assert spans and all(len(s.trace_id) == 16 and len(s.span_id) == 8 for s in spans), "ids"
            except Exception as error:
                with open("wrong.txt", "a") as file:
                    file.write(f"{type(error).__name__}: {error}\n")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
