"""`onsale verify`: the invariants of the sale, checked on live data."""

from onsale.verify.check import Finding, Report, verify
from onsale.verify.cli import command

__all__ = ["Finding", "Report", "command", "verify"]
