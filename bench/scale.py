"""`python -m bench.scale REPORT`: the chapter about a crowd at scale, of docs/performance.md.

REPORT is what `onsale rush --scale … --json REPORT` wrote, on this machine. Of the page, what is
between the two marks is written here.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from bench.page import DOCS, conditions

#: The share of a core that a gateway gets where nothing but the rush is at work.
QUIET = 0.6

BEGIN, END = "<!-- begin: rush -->", "<!-- end: rush -->"


def command(options: Mapping[str, Any]) -> str:
    """How to run the same rush again."""
    given = {
        "--scale": options["scale"],
        "--seconds": options["seconds"],
        "--admit": options["admit"],
        "--sample": options["sample"],
        "--join": options["join"],
        "--seats": options["seats"],
        "--processes": options["processes"],
        "--seed": options["seed"],
    }
    return " ".join(["onsale rush", *(f"{name} {value}" for name, value in given.items())])


def chapter(found: Mapping[str, Any]) -> str:
    """The figures of one rush, with what they were measured by."""
    now = conditions()
    settings = ", ".join(f"`{name}` {value}" for name, value in found["room"].items())
    verdicts = [
        _verdict("The oracle", found["oracle"]),
        _verdict("`onsale verify`", found["invariants"]),
    ]
    lines = [
        f"`{command(found['options'])}`, {now['at']}, {now['machine']}; {now['versions']}.",
        "",
        found["markdown"].strip(),
        "",
        f"The room: {settings}. {' '.join(verdicts)} It took {found['verify_s']:.1f} s.",
    ]
    share = found["polls"]["closed_loop_shares_of_a_core"].get("gateway")
    if share is not None and share < QUIET:
        busy = (
            "**The machine did other things as well**: with polls following each other as fast as"
            f" they were answered, the gateway got {share:.0%} of a core. Times and rates"
            " say little; memory, order and invariants are what they are on a quiet one."
        )
        lines += ["", busy]
    if found["faults"]:
        lines += ["", "**The rush failed**: " + "; ".join(found["faults"]) + "."]
    return "\n".join(lines)


def write(found: Mapping[str, Any], docs: Path = DOCS) -> None:
    """Put the chapter into the page."""
    page = docs / "performance.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{chapter(found)}\n\n{END}{after}", encoding="utf-8")


def _verdict(who: str, findings: list[Mapping[str, Any]]) -> str:
    broken = [finding["name"] for finding in findings if not finding["holds"]]
    if broken:
        return f"{who} found **{', '.join(broken)} broken**."
    return f"{who} checked {', '.join(finding['name'] for finding in findings)}: all hold."


if __name__ == "__main__":
    write(orjson.loads(Path(sys.argv[1]).read_bytes()))
    sys.exit(0)
