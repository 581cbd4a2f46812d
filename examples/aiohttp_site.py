"""A site of one's own behind a waiting room, on aiohttp.

python examples/aiohttp_site.py http://127.0.0.1:8080 spring-tour
curl -H "Queue-Pass: $PASS" http://127.0.0.1:8090/
"""

import sys

from aiohttp import web

from onsale.gate.aiohttp import gate

routes = web.RouteTableDef()


@routes.get("/")
@routes.post("/")
async def shop(request: web.Request) -> web.Response:
    """For those whom the room let in."""
    return web.json_response({"hello": request["onsale_visitor"]})


@routes.get("/about")
async def about(request: web.Request) -> web.Response:
    """For everybody."""
    return web.json_response({"about": "a shop"})


def create_app(gateway: str, room: str) -> web.Application:
    app = web.Application(middlewares=[gate(gateway, room, open_paths=["/about"])])
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    web.run_app(create_app(sys.argv[1], sys.argv[2]), host="127.0.0.1", port=8090)
