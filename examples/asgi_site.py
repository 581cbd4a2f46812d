"""A site of one's own behind a waiting room, on ASGI without a framework.

ONSALE_GATEWAY=http://127.0.0.1:8080 uvicorn examples.asgi_site:app --port 8090
curl -H "Queue-Pass: $PASS" http://127.0.0.1:8090/
"""

import json
import os
from typing import Any

from onsale.gate.asgi import Gate


async def site(scope: Any, receive: Any, send: Any) -> None:
    """For those whom the room let in; `/about` is for everybody."""
    if scope["type"] != "http":
        return
    is_open = scope["path"] == "/about"
    said = {"about": "a shop"} if is_open else {"hello": scope["onsale_visitor"]}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


def create_app(gateway: str, room: str) -> Gate:
    return Gate(site, gateway, room, open_paths=["/about"])


app = create_app(os.environ.get("ONSALE_GATEWAY", "http://127.0.0.1:8080"), "spring-tour")
