"""`onsale rush`: a flash crowd of real HTTP clients against a whole sale."""

from onsale.rush.cli import command

__all__ = ["command"]
