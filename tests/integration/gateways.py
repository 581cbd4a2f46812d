"""What tests of the gateway over HTTP share: its addresses, and how rooms are set up and joined."""

from typing import Any

from tests.integration.services import Answer, Client

ROOM = "/v1/rooms/spring-tour"
TOKEN = f"{ROOM}/token"
ADMIN = "/v1/admin/rooms/spring-tour"

Queued = dict[str, str]


async def configure(gateway: Client, **changes: Any) -> Answer:
    answer = await gateway.as_operator("PUT", ADMIN, json=changes, headers={"If-Match": "*"})
    assert answer.status in (200, 201), answer.json
    return answer


async def join(gateway: Client, visitor: str) -> Answer:
    return await gateway.as_visitor(visitor, "POST", TOKEN)


def queued(answer: Answer) -> Queued:
    return {"Queue-Token": answer.json["token"]}
