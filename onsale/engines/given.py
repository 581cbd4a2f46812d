"""Engines of one's own, named by URL: looked at before anything is started."""

from onsale.engines.process import EngineFailed


async def check(redis_url: str, database_url: str) -> None:
    """Refuse what cannot be used; '' is not looked at. Raises EngineFailed."""
    if not (redis_url or database_url):
        return
    # Only then: the embedded engines need none of it.
    from shared.stores import StoreRefused, connected_database, connected_redis

    try:
        if redis_url:
            async with connected_redis(redis_url):
                pass
        if database_url:
            async with connected_database(database_url, application="onsale-up"):
                pass
    except StoreRefused as error:
        raise EngineFailed(str(error)) from None
