"""What is not Stripe's API: the customer, the bank and the clock, played by a test or a person; and the ledger."""

import html
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from entrypoints.sandbox.stripe import charging, payment_intents, refunds
from entrypoints.sandbox.stripe.api import FORM, Answer, Api, Call, respond
from entrypoints.sandbox.stripe.charges import taken
from entrypoints.sandbox.stripe.errors import Json, StripeError, encode, invalid, wrong_state
from entrypoints.sandbox.stripe.store import Work

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_OUTCOMES = {"succeed": True, "fail": False}


@dataclass
class Steering:
    """The endpoints below `/_`, which need no key."""

    api: Api

    def does(self, endpoint: Callable[[Call], Answer]) -> Handler:
        """A POST with a JSON body (or the form of a page) that changes one intent."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                call = _call(self.api, request, await _parameters(request))
                back = _return_url(call)
                await self.api.steer(endpoint, call)
            except StripeError as error:
                return respond(error.status, error.body, "req_steering")
            if request.content_type == FORM and back is not None:
                raise web.HTTPSeeOther(_with_result(back, call.work.get("payment_intent", call.ids["id"])))
            return respond(200, _intent_text(call), "req_steering")

        return handle

    def answers(self, endpoint: Callable[[Call], Answer]) -> Handler:
        """A POST with a JSON body that is answered with what it changed."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                answer = await self.api.steer(endpoint, _call(self.api, request, await _parameters(request)))
            except StripeError as error:
                return respond(error.status, error.body, "req_steering")
            return respond(*answer, "req_steering")

        return handle

    async def ledger(self, _request: web.Request) -> web.Response:
        """GET /_ledger: the truth about money."""
        store = self.api.store
        await store.ledger.durable()
        return web.json_response(
            {
                "charges": [taken(charge) for charge in store.all("charge") if charge["captured"]],
                "refunds": store.all("refund"),
                "payment_intents": store.all("payment_intent"),
                "requests": self.api.requests,
                "idempotency_keys": store.key_facts,
            }
        )

    async def page(self, request: web.Request) -> web.Response:
        """GET /_authenticate/{id}: the bank's page, for a person."""
        intent = self.api.store.find("payment_intent", request.match_info["id"])
        if intent is None:
            raise web.HTTPNotFound
        amount = html.escape(f"{intent['amount']} {intent['currency'].upper()} (minor units)")
        buttons = "".join(f'<button name="outcome" value="{one}">{one}</button> ' for one in _OUTCOMES)
        text = f"<!doctype html><title>3-D Secure</title><h1>Pay {amount}?</h1><form method=post>{buttons}</form>"
        return web.Response(text=text, content_type="text/html")


async def health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def authenticate(call: Call) -> Answer:
    """POST /_authenticate/{id} {"outcome": "succeed" | "fail"}: the customer's answer to 3-D Secure."""
    succeeded = _outcome(call)
    intent = call.work.get("payment_intent", call.ids["id"])
    kind = (intent["next_action"] or {}).get("type")
    if intent["status"] != "requires_action" or kind not in {"use_stripe_sdk", "redirect_to_url"}:
        raise wrong_state("This PaymentIntent does not wait for authentication.", intent)
    return charging.authenticated(call, intent, succeeded=succeeded)


def settle(call: Call) -> Answer:
    """POST /_settle/{id} {"outcome": "succeed" | "fail"}: how a charge that was processing went."""
    succeeded = _outcome(call)
    intent = call.work.get("payment_intent", call.ids["id"])
    if intent["status"] != "processing":
        raise wrong_state("This PaymentIntent is not processing.", intent)
    return charging.settled(call, intent, succeeded=succeeded)


def fund(call: Call) -> Answer:
    """POST /_fund/{id} {"amount": n}: a bank transfer comes in; all that remains if no amount is given."""
    intent = call.work.get("payment_intent", call.ids["id"])
    action = intent["next_action"] or {}
    if intent["status"] != "requires_action" or "display_bank_transfer_instructions" not in action:
        raise wrong_state("This PaymentIntent does not wait for a bank transfer.", intent)
    amount = _amount(call, action["display_bank_transfer_instructions"]["amount_remaining"])
    return charging.funded(call, intent, amount)


def expire(call: Call) -> Answer:
    """POST /_expire/{id}: nobody captured in time."""
    return payment_intents.expire(call)


def refund(call: Call) -> Answer:
    """POST /_refund {"payment_intent": "pi_…", "amount": n}: a refund made on the dashboard; by default of the rest."""
    charge = refunds.charge_of(call, call.work.get("payment_intent", str(call.params.get("payment_intent"))))
    left = charge["amount_captured"] - charge["amount_refunded"]
    return Answer(200, encode(refunds.make(call, charge, {"amount": _amount(call, left)} if left else {})))


def settle_refund(call: Call) -> Answer:
    """POST /_refund/{id} {"outcome": "succeed" | "fail"}: how a refund ended, perhaps long after it succeeded."""
    return refunds.settled(call, call.work.get("refund", call.ids["id"]), succeeded=_outcome(call))


def _amount(call: Call, otherwise: int) -> int:
    amount = call.params.get("amount", otherwise)
    if type(amount) is not int or amount < 1:
        raise invalid("The amount must be a positive integer of minor units.", "amount")
    return amount


def _outcome(call: Call) -> bool:
    outcome = call.params.get("outcome", "succeed")
    if outcome not in _OUTCOMES:
        raise invalid("The outcome is either succeed or fail.", "outcome")
    return _OUTCOMES[outcome]


async def _parameters(request: web.Request) -> Json:
    if request.content_type == FORM:
        return {name: str(value) for name, value in (await request.post()).items()}
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    return body


def _call(api: Api, request: web.Request, params: Json) -> Call:
    return Call(Work(api.store, "req_steering"), params, dict(request.match_info), f"http://{request.host}")


def _intent_text(call: Call) -> bytes:
    return call.store.text("payment_intent", call.ids["id"]) or b"{}"


def _return_url(call: Call) -> str | None:
    action = call.work.get("payment_intent", call.ids["id"])["next_action"] or {}
    url: str | None = action.get("redirect_to_url", {}).get("return_url")
    return url


def _with_result(url: str, intent: Json) -> str:
    result = "failed" if intent["last_payment_error"] else "succeeded"
    query = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": result,
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
