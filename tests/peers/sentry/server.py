"""A server for error events: takes envelopes on loopback, reads them with Sentry's own library, prints each as a line of JSON.

Usage: server.py FOLDER REFUSALS [PORT [CERTIFICATE KEY]]. The first REFUSALS requests are answered with 429. Each request lies in FOLDER as it came.
Prints its port first.
"""

import json, pathlib, ssl, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from sentry_sdk.envelope import Envelope

folder, left = pathlib.Path(sys.argv[1]), int(sys.argv[2])
port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
count = 0


class Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        global left, count
        body = self.rfile.read(int(self.headers["Content-Length"]))
        count += 1
        (folder / f"request-{count}").write_bytes(str(self.headers).encode() + b"\n" + body)
        if left > 0:
            left -= 1
            self.answer(429, [("Retry-After", "1")])
            told({"refused": True})
            return
        envelope = Envelope.deserialize(body)
        events = [item.get_event() for item in envelope.items if item.get_event() is not None]
        auth = self.headers["X-Sentry-Auth"]
        self.answer(200, [])
        told({"path": self.path, "auth": auth, "headers": envelope.headers, "items": len(envelope.items), "events": events})

    def answer(self, status, headers):
        body = b"{}"
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def told(line):
    print(json.dumps(line), flush=True)


server = HTTPServer(("127.0.0.1", port), Taker)
if len(sys.argv) > 5:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
told({"port": server.server_port})
server.serve_forever()
