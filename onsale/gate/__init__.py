"""A gate for one's own Python site: only those whom the room let in get through.

`onsale.gate.aiohttp` and `onsale.gate.asgi` put it in front of an app; `onsale.gate.passes` is what
both share. Nothing here asks the gateway anything but its public keys.
"""

from onsale.gate.passes import PassRefused, Verifier

__all__ = ["PassRefused", "Verifier"]
