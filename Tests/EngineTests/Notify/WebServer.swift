import BatchEngine

/// A real HTTP server on this machine. It ends by itself after a few requests or 30 seconds.
struct WebServer {
    let port: Int
    private let folder: StepFolder

    private static let script = """
        import http.server, json, os, signal, socketserver, sys, time
        answers, requests = json.loads(sys.argv[1]), []
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0))).decode()
                requests.append([self.path, self.headers.get('Content-Type'), body])
                with open('requests.tmp', 'w') as file: json.dump(requests, file)
                os.rename('requests.tmp', 'requests.json')
                status, wait = answers.get(self.path, [204, 0])
                time.sleep(wait)
                self.send_response(status)
                self.send_header('Location', '/elsewhere')
                self.send_header('Content-Length', '0')
                self.end_headers()
            do_GET = do_POST
            def log_message(self, *_): pass
        # Not HTTPServer: it asks the name service for our name first, which may take long.
        server = socketserver.TCPServer(('127.0.0.1', 0), Handler)
        ready, own = os.pipe()
        if os.fork():
            os.read(ready, 1)
            print(server.server_address[1], flush=True)
            os._exit(0)
        os.setsid()  # out of the group that ends with the command
        os.write(own, b'.')
        signal.alarm(30)
        for number in range(3):
            os.close(number)
        server.timeout = 20
        for _ in range(8):
            server.handle_request()
        """

    /// - Parameter answers: by path: status and seconds to wait before it, as JSON.
    init?(in folder: StepFolder, answers: String = "{}") {
        folder.write(WebServer.script, to: "server.py")
        let text = folder.run(["python3", "server.py", answers])
        guard let port = Int(text.dropLast()) else { return nil }
        self.port = port
        self.folder = folder
    }

    func address(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    /// What was asked of it, as JSON: `[[path, content type, body], …]`.
    var requests: String { folder.text("requests.json") ?? "[]" }
}
