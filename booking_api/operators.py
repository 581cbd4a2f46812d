"""What operators have of the booking API: their routes, and what those work on."""

from aiohttp import web

from booking_api import (
    admin_cancellations,
    admin_customers,
    admin_figures,
    admin_inventory,
    admin_programme,
)
from booking_api.cancellations import CANCELLATIONS, Cancellations
from booking_api.customers import CUSTOMERS, Customers
from booking_api.database import Sale
from booking_api.exports import EXPORTS, Exports
from booking_api.figures import FIGURES, Figures
from booking_api.inventory import INVENTORY, Inventory
from booking_api.money import Currency
from booking_api.programme import PROGRAMME, Programme


def add_routes(app: web.Application) -> None:
    """What ends a date comes last, also in the document."""
    for routes in (
        admin_programme.routes,
        admin_inventory.routes,
        admin_customers.routes,
        admin_figures.routes,
        admin_cancellations.routes,
    ):
        app.add_routes(routes)


def furnish(app: web.Application, sale: Sale, currency: Currency) -> None:
    """Hand out what the routes work on."""
    app[PROGRAMME] = Programme(sale, currency)
    app[INVENTORY] = Inventory(sale, currency)
    app[CUSTOMERS] = Customers(sale, currency)
    app[FIGURES] = Figures(sale, currency)
    app[EXPORTS] = Exports(sale, currency)
    app[CANCELLATIONS] = Cancellations(sale, currency)
