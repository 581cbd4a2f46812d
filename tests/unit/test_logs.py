"""Logs say what happened and where, and never what was sent (invariant X3)."""

import subprocess
import sys

import orjson

PROGRAM = """
import asyncio, logging, warnings
from shared import logs

SENT = "s3cret" + "-token"

def deep(token):
    raise ValueError(f"cannot use {token}")

def handle(token):
    try:
        deep(token)
    except ValueError as error:
        raise RuntimeError(f"while at {token}") from error

async def forgotten():
    asyncio.get_running_loop().create_task(fails())
    await asyncio.sleep(0)

async def fails():
    deep(SENT)

logs.configure("test", "debug")
log = logs.logger("shop")
try:
    handle(SENT)
except RuntimeError:
    log.exception("unexpected_error", route="GET /v1/concerts")
logging.getLogger("library").warning("the header was %s", SENT)
try:
    deep(SENT)
except ValueError:
    logging.getLogger("library").exception("the header was %s", SENT)
asyncio.run(forgotten())
warnings.warn(f"the key {SENT} is short")
"""


def test_what_was_sent_is_not_in_messages_local_variables_or_tracebacks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == ""
    assert "s3cret-token" not in done.stderr
    lines = [orjson.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["unexpected_error"] + ["library_message"] * 4
    effect, cause = lines[0]["exception"]
    assert (effect["exc_type"], cause["exc_type"]) == ("RuntimeError", "ValueError")
    assert [frame["name"] for frame in cause["frames"]] == ["handle", "deep"]
    assert [line.get("error") for line in lines[1:]] == [
        None,
        "ValueError",
        "ValueError",
        None,
    ]
