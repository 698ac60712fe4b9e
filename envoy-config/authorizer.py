"""The demo's authorizer: sums of amounts up to 100 may be asked for, others not.

    python3 envoy-config/authorizer.py [PORT]

The filter asks it over HTTP, with the client's request: 200 lets that go on, any other
status below 500 does not. A request that it cannot read is answered too, with 400: where
the enforcement point says `onError: Allow`, an authorizer that fails decides nothing, and
the client chooses what it is asked about.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 100

# The longest body that is read: what the demo's policy shows of one is shorter.
LONGEST = 1 << 20


class Authorizer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A connection on which nothing comes for so many seconds is closed.
    timeout = 60

    def do_POST(self):
        try:
            status = 200 if is_small(self.call()) else 403
        except Exception:
            # Whatever it is that cannot be read, it is not allowed.
            status = 400
        if status == 400:
            # What is left of the body would be taken for the next request.
            self.close_connection = True
        self.answer(status)

    def call(self):
        length = int(self.headers["content-length"])
        if not 0 <= length <= LONGEST:
            raise ValueError("a length that is none")
        return json.loads(self.rfile.read(length))

    def answer(self, status):
        self.send_response(status)
        self.send_header("x-approved-by", "authorizer.py")
        self.send_header("content-length", "0")
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()

    def send_error(self, code, message=None, explain=None):
        # The library answers 501 to methods that are not above, and 505 to versions.
        self.close_connection = True
        self.answer(code if code < 500 else 405 if code == 501 else 400)

    def log_request(self, code="-", size="-"):
        say(asked=getattr(self, "path", ""), said=int(code))

    def log_message(self, *_):
        pass


def is_small(call):
    arguments = call["params"]["arguments"]
    return all(
        type(amount) in (int, float) and abs(amount) <= LIMIT
        for amount in (arguments["a"], arguments["b"])
    )


class Server(ThreadingHTTPServer):
    # Connections that wait to be taken: the usual five are fewer than come at once.
    request_queue_size = 1024


def say(**what):
    print(json.dumps(what), flush=True)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
server = Server(("127.0.0.1", port), Authorizer)
say(listening="127.0.0.1:%d" % server.server_port)
server.serve_forever()
