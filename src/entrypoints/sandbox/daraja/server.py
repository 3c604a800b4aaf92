"""The HTTP surface: which path is answered by what, and what lives as long as the process."""

from collections.abc import AsyncIterator

from aiohttp import web

from entrypoints.sandbox import behaviour
from entrypoints.sandbox.daraja import mischief, view
from entrypoints.sandbox.daraja.access import Access
from entrypoints.sandbox.daraja.background import Background
from entrypoints.sandbox.daraja.book import Book
from entrypoints.sandbox.daraja.courier import Courier
from entrypoints.sandbox.daraja.initiator import Initiator
from entrypoints.sandbox.daraja.merchant import Merchant
from entrypoints.sandbox.daraja.mischief import Mischief
from entrypoints.sandbox.daraja.prompts import Prompts
from entrypoints.sandbox.daraja.settings import Settings
from entrypoints.sandbox.daraja.stk_push import StkPush
from entrypoints.sandbox.daraja.stk_query import StkQuery
from entrypoints.sandbox.daraja.transaction_status import TransactionStatus


def application(settings: Settings) -> web.Application:
    """The sandbox, ready to be served; routes are laid when the ledger has been read."""
    ordered = Mischief()
    app = web.Application(middlewares=[behaviour.misbehaving(ordered.behaviour, mischief.failure), ordered.gateway])
    book = Book(settings.ledger)
    background = Background()
    access = Access(book, settings)
    merchant = Merchant(settings)
    initiator = Initiator.open(book, settings)
