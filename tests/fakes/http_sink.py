#!/usr/bin/python3
"""An HTTP server that keeps each POST: http_sink.py FOLDER [TLS]

Prints its port. One file NNNN.json a request: path, headers as [name, value], body. /no answers 500 and repeats the
request's headers, /away redirects, /hang never answers, /drop hangs up. TLS: with FOLDER's cert.pem and key.pem."""
import http.server
import json
import pathlib
import ssl
import sys
import time

FOLDER = pathlib.Path(sys.argv[1])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        number = len(list(FOLDER.glob("*.json"))) + 1
        kept = {"path": self.path, "headers": list(self.headers.items()), "body": body}
        (FOLDER / f"{number:04}.json").write_text(json.dumps(kept))
        if self.path == "/hang":
            time.sleep(60)
        if self.path == "/drop":
            return
        self.send_response({"/no": 500, "/away": 302}.get(self.path, 200))
        if self.path == "/away":
            self.send_header("Location", "/else")
        self.end_headers()
        self.wfile.write(b"no:\n" + str(self.headers).encode() if self.path == "/no" else b"ok")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(FOLDER / "cert.pem", FOLDER / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
