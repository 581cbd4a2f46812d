"""Small shapes that bodies, answers and paths of both services are made of; examples of them."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import Meta, Struct

#: A bigint of PostgreSQL.
MAX_ID = 2**63 - 1
#: A slug: goes into URLs, cookie names, Redis keys and `<room>.<gen>.<num>`, so no dots.
ROOM_ID_PATTERN = "[a-z0-9][a-z0-9_-]{0,62}"

Id = Annotated[int, Meta(ge=1, le=MAX_ID, examples=[1])]
Count = Annotated[int, Meta(ge=0)]
RoomId = Annotated[str, Meta(pattern=rf"^{ROOM_ID_PATTERN}\Z", examples=["spring-tour"])]
LaneName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}\Z", examples=["members"])]
#: Whoever an identity token names: any string.
Visitor = Annotated[str, Meta(min_length=1, max_length=255, examples=["ann"])]
#: RFC 3339, in UTC.
Moment = Annotated[
    str,
    Meta(extra_json_schema={"format": "date-time"}, examples=["2030-01-01T20:00:00.000Z"]),
]

#: What stands between braces in paths.
PATH_SHAPES: dict[str, Any] = {
    "room_id": RoomId,
    "visitor": Visitor,
    "concert_id": Id,
    "concert_schedule_id": Id,
    "concert_booking_id": Id,
    "webhook_event_id": Id,
    "user_id": Id,
    "payment_intent_id": Id,
    "path": str,
}


Item = TypeVar("Item")


class Page(Struct, Generic[Item]):
    """A part of a list; `next_cursor` (null at its end) asks for the next one."""

    items: list[Item]
    next_cursor: str | None


class Health(Struct):
    """That it is well."""

    status: Literal["ok", "ready"]


def example(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """A value of `schema`, from the examples, defaults and constants in it."""
    if "$ref" in schema:
        return example(components[schema["$ref"].rpartition("/")[2]], components)
    for found in ("examples", "enum"):
        if found in schema:
            return schema[found][0]
    for found in ("const", "default"):
        if found in schema:
            return schema[found]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], components)
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: example(value, components) for name, value in properties.items()}
        case "array":
            return [example(schema["items"], components)]
        case "integer":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
    return "2030-01-01T20:00:00Z" if schema.get("format") == "date-time" else "text"
