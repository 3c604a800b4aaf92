"""The contract and the service, held against each other by a machine that reads the one and tries the other."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from adapters.http.openapi import examples
from adapters.http.openapi.components import HEADERS
from adapters.http.openapi.operation import Operation
from adapters.http.openapi.operations import OPERATIONS
from tests.e2e.customers import Customer, told
from tests.e2e.running import Service

#: How many requests are made up for each operation; more of them find more, and take longer.
EXAMPLES: Final = os.environ.get("CONTRACT_EXAMPLES", "5")
SEED: Final = os.environ.get("SEED", "1")
CONFIGURATION: Final = Path(__file__).with_name("schemathesis.toml")
#: Of the headers that are the document's business, by what they are in lower case.
NAMES: Final = {name.lower(): name for name in HEADERS}
#: What succeeds only with a gateway's secret.
GATEWAYS_ALONE: Final = {"StripeEvent", "MobileMoneyCallback", "MobileMoneyResult", "MobileMoneyTimeout"}


@dataclass(frozen=True, slots=True)
class Seen:
    """An operation that was tried, and its answer as a HAR file has it."""

    id: str
    path: str
    method: str
    answer: Any

    @property
    def succeeded(self) -> bool:
        return bool(self.answer["status"] // 100 == 2)

    def untold(self, document: Any) -> Iterator[tuple[str, int, str]]:
        """The headers that the answer has, and the document has for other answers only."""
        told = document["paths"][self.path][self.method]["responses"].get(str(self.answer["status"]), {})
        for header in self.answer["headers"]:
            name = NAMES.get(header["name"].lower())
            if name is not None and name not in told.get("headers", {}):
                yield self.id, self.answer["status"], name


async def test_what_the_document_says_is_what_the_service_does(service: Service, tmp_path: Path) -> None:
    """
    Every operation, with every check, in every phase: no status, header or body that is not told, nothing valid
    refused, nothing invalid taken, no way in without a token. And every operation has succeeded at least once, so that
    what it says of its successes was looked at, too; and no header of ours came where it is not told.
    """
    api, user = service.api("api-1"), UUID(examples.USER)
    document = (await service.http.get(f"{api}/openapi.json")).json()
    real = tmp_path / "openapi.json"
    real.write_text(json.dumps(await with_things_that_exist(document, service, user)))
    seen: list[Seen] = []
    # Two runs: it cancels whatever it finds, and nothing would be left to be captured.
    for which in ("--exclude-operation-id", "--include-operation-id"):
        seen += await tried(real, "--url", api, *(which, "CancelPayment"), token=service.token(user))

    assert {operation.id for operation in OPERATIONS} - {one.id for one in seen if one.succeeded} == GATEWAYS_ALONE
    assert {untold for one in seen for untold in one.untold(document)} == set()


async def tried(document: Path, *options: str, token: str) -> list[Seen]:
    """Every request of an operation in a run that finds nothing wrong."""
    har = document.with_name("seen.har")
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
        *("run", str(document), *options, "--header", f"Authorization: Bearer {token}"),
        *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES),
        *("--seed", SEED, "--no-color", "--report", "har", "--report-har-path", str(har)),
        cwd=document.parent,  # it keeps notes
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await run.communicate())[0].decode()
    assert run.returncode == 0, said
    patterns = {pattern(operation): operation for operation in OPERATIONS}
    return [
        Seen(operation.id, operation.path, operation.method, entry["response"])
        for entry in json.loads(har.read_text())["log"]["entries"]
        for of_this, operation in patterns.items()
        if of_this.fullmatch(f"{entry['request']['method']} {urlsplit(entry['request']['url']).path}")
    ]


async def with_things_that_exist(document: Any, service: Service, user: UUID) -> Any:
    """The document, where the ids of its examples are those of a payment, a refund and a method that were made."""
    customer = Customer(service, user, service.token(user), "254712345678")
    paid, held, waiting = [
        told(await customer.pay(customer.by_card(token, order_id=f"order_{token}", **facts)))["id"]
        for token, facts in (
            ("tok_visa", {}),
            ("pm_card_visa", {"capture_method": "manual"}),
            ("pm_card_authenticationRequired", {}),
        )
    ]
    refund = await made(customer, "/refunds", {"payment_id": paid, "amount": 100})
    method = await made(customer, "/payments/methods", examples.METHODS["A card"])
    text = json.dumps(document)
    for there, here in ((examples.PAYMENT, paid), (examples.REFUND, refund), (examples.METHOD, method)):
        text = text.replace(there, here)
    real = json.loads(text)
    for change, payment in (("capture", held), ("cancel", waiting)):
        real["paths"][f"/payments/{{payment_id}}/{change}"]["post"]["parameters"][0]["example"] = payment
    return real


async def made(customer: Customer, path: str, body: Any) -> str:
    headers = {"Authorization": f"Bearer {customer.token}"}
    url = customer.service.api() + path
    return str(told(await customer.service.http.post(url, json=body, headers=headers))["id"])


def pattern(operation: Operation) -> re.Pattern[str]:
    """Of a request's method and path: no id is a word."""
    return re.compile(f"{operation.method.upper()} " + re.sub(r"\{\w+\}", "[0-9a-f-]+", operation.path))
