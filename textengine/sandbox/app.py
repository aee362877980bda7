"""Wiring: one application out of the API, the phones and what works behind them."""

from contextlib import asynccontextmanager

from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from . import account, api, phones
from .delivery import Delivery
from .errors import ApiError
from .inbound import Inbound
from .inboxes import Inboxes
from .webhooks import Webhooks, open_session


class Connection(H11Protocol):
    """The server's connection, which also lets a request reach its transport.

    ASGI has no word for hanging up without an answer, and that is the fault that matters most.
    """

    def connection_made(self, transport):
        """Put the transport where `request.state` finds it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def build_app(store, faults, *, own_url, webhook_url, token, account_sid, delay):
    """Return the ASGI application; `delay` is the seconds from accepted to delivered."""

    @asynccontextmanager
    async def lifespan(app):
        async with open_session() as http:
            webhooks = Webhooks(http, token)
            services = app.state
            services.store, services.faults = store, faults
            services.account_sid, services.token = account_sid, token.encode()
            services.delivery = Delivery(store, faults, webhooks, http, delay)
            services.inboxes = Inboxes(store, webhook_url)
            services.inbound = Inbound(
                store, services.delivery, webhooks, http, services.inboxes, own_url=own_url, account_sid=account_sid
            )
            services.delivery.start()
            try:
                yield
            finally:
                services.inbound.stop()
                services.delivery.stop()
                store.archive.close()

    return Starlette(
        routes=[*api.routes, *account.routes, api.unknown_route, *phones.routes],
        lifespan=lifespan,
        exception_handlers={ApiError: api.api_error, phones.BadRequest: phones.bad_request},
    )
