"""Who is told what happens in a sale: a receiver of Onsale's webhooks.

    ONSALE_WEBHOOK_SECRET=… python examples/webhook_receiver.py 8090

and the booking API with ONSALE_WEBHOOK_URL=http://127.0.0.1:8090/ and the same secret.
Standard library alone: the part to copy is `verified`.
"""

import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["ONSALE_WEBHOOK_SECRET"]
#: Older ones could be somebody's recording.
TOLERANCE_S = 300
MAX_BYTES = 64 * 1024

#: Events come at least once; keep their ids where your data is, in the same transaction.
seen: set[int] = set()


def verified(header: str, body: bytes, now_s: float) -> bool:
    """Whether `Onsale-Signature` is of this body, with our secret, and fresh."""
    parts = [part.partition("=") for part in header.split(",")]
    sent_at_s = next((value for name, _, value in parts if name == "t"), "")
    if not sent_at_s.isdecimal() or abs(now_s - int(sent_at_s)) > TOLERANCE_S:
        return False
    expected = hmac.new(SECRET.encode(), f"{sent_at_s}.".encode() + body, hashlib.sha256)
    given = [value for name, _, value in parts if name == "v1"]
    return any(hmac.compare_digest(expected.hexdigest(), value) for value in given)


class Receiver(BaseHTTPRequestHandler):
    """Answers 2xx for what it keeps; anything else is sent again later."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(length, MAX_BYTES))
        if not verified(self.headers.get("Onsale-Signature", ""), body, time.time()):
            self.send_error(401)
            return
        event = json.loads(body)
        if event["event_id"] not in seen:
            seen.add(event["event_id"])
            print(event["kind"], event["data"], flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quietly."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
