"""Receives webhooks: a line of told.txt for each, with the event and whether it is signed with the secret in the file
`secret`. Answers with an error while there is a file `down`, and not at all while there is one `hang`. Says its port when it listens."""
import hashlib
import hmac
import http.server
import json
import os
import time


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        while os.path.exists("hang"):
            time.sleep(0.05)
        is_down = os.path.exists("down")
        if not is_down:
            with open("told.txt", "a") as file:
                file.write(f"{json.loads(body)['event']} {self.signature(body)}\n")
        self.send_response(500 if is_down else 204)
        self.end_headers()

    def signature(self, body):
        given = self.headers["X-Batchmgr-Signature"]
        if given is None:
            return "unsigned"
        seconds = self.headers["X-Batchmgr-Timestamp"]
        with open("secret", "rb") as file:
            secret = file.read().rstrip(b"\n")
        own = "sha256=" + hmac.new(secret, seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
        return "signed" if hmac.compare_digest(own, given) and abs(time.time() - int(seconds)) < 60 else "forged"

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
