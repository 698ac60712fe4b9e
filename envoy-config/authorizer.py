"""The demo's authorizer: sums of amounts up to 100 may be asked for, others not.

    python3 envoy-config/authorizer.py [PORT]

The filter asks it over HTTP, with the client's request: 200 lets that go on, any other
status does not, and no answer neither.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 100


class Authorizer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        # Whatever goes wrong here ends the connection, and the call is refused.
        call = json.loads(self.rfile.read(int(self.headers["content-length"])))
        arguments = call["params"]["arguments"]
        is_allowed = all(
            type(amount) in (int, float) and abs(amount) <= LIMIT
            for amount in (arguments["a"], arguments["b"])
        )
        self.send_response(200 if is_allowed else 403)
        self.send_header("x-approved-by", "authorizer.py")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_request(self, code="-", size="-"):
        say(asked=self.path, said=int(code))


def say(**what):
    print(json.dumps(what), flush=True)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
server = ThreadingHTTPServer(("127.0.0.1", port), Authorizer)
say(listening="127.0.0.1:%d" % server.server_port)
server.serve_forever()
