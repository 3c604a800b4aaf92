"""What makes a paid callback a success is the operator's choice."""

import pytest

from adapters.postgres.embedded import EmbeddedPostgres
from tests.databases import a_database, a_folder
from tests.e2e.customers import told
from tests.e2e.running import Plan, Service


@pytest.mark.parametrize(
    ("confirm", "source", "rank", "queries"),
    [("callback", "signed", 3, 0), ("status", "fetched", 4, 0)],
)
async def test_a_paid_prompt_is_confirmed_as_configured(
    durable_server: EmbeddedPostgres, durable_template: str, *, confirm: str, source: str, rank: int, queries: int
) -> None:
    """
    The callback itself, or M-Pesa's own record of the receipt, asked on a path made for the question: and no query.
    """
    late = {"MPESA_CONFIRM": confirm, "CHECK_AFTER_SECONDS": "20"}
    async with a_database(durable_server, template=durable_template) as database:
        with a_folder() as folder:
            async with Service.running(Plan(settings=late), database, folder) as service:
                customer = service.customer()
                payment = told(await customer.pay(customer.by_phone()))

                paid = await customer.until_receipt(payment["id"])

                story = await customer.story(payment["id"])
                last = [piece for entry in story for piece in entry["evidence"]][-1]
                assert paid["status"] == "SUCCEEDED"
                assert (last["claim"], last["source"], last["rank"]) == ("succeeded", source, rank)
                assert (await service.daraja.ledger())["queries"] == queries
                await customer.asked_once(payment["id"])
