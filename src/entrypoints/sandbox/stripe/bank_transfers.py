"""Bank transfers: the account a customer is told to pay into, made up but well-formed."""

import hashlib
from typing import Any, Final

from entrypoints.sandbox.stripe.errors import Json, invalid
from entrypoints.sandbox.stripe.forms import LIST, TEXT, Shape

OPTIONS: Final[Shape] = {
    "funding_type": ("bank_transfer",),
    "bank_transfer": {
        "type": ("eu_bank_transfer", "gb_bank_transfer", "jp_bank_transfer", "mx_bank_transfer", "us_bank_transfer"),
        "eu_bank_transfer": {"country": TEXT},
        "requested_address_types": LIST,
    },
    "setup_future_usage": TEXT,
}

_CURRENCY: Final = {
    "eu_bank_transfer": "eur",
    "gb_bank_transfer": "gbp",
    "jp_bank_transfer": "jpy",
    "mx_bank_transfer": "mxn",
    "us_bank_transfer": "usd",
}
_EU_COUNTRIES: Final = frozenset({"BE", "DE", "ES", "FR", "IE", "NL"})
_HOLDER: Final = "Stand-in Payments"
_WHERE: Final = "payment_method_options[customer_balance]"
_DIGITS: Final = {"BE": 12, "DE": 18, "ES": 20, "FR": 23, "IE": 14, "NL": 10}
_WITH_BANK_CODE: Final = frozenset({"IE", "NL"})


def check(options: Json, currency: str, customer: str | None, capture_method: str) -> None:
    """Refuse what Stripe refuses of a bank transfer."""
    if customer is None:
        raise invalid(
            "Missing required param: customer. customer_balance needs a Customer.", "customer", "parameter_missing"
        )
    if capture_method == "manual":
        raise invalid("The capture_method `manual` is not supported for customer_balance.", "capture_method")
    if options.get("funding_type") != "bank_transfer":
        raise invalid(
            f"Missing required param: {_WHERE}[funding_type].", f"{_WHERE}[funding_type]", "parameter_missing"
        )
    transfer = options.get("bank_transfer", {})
    kind = transfer.get("type")
    if kind is None:
        param = f"{_WHERE}[bank_transfer][type]"
        raise invalid(f"Missing required param: {param}.", param, "parameter_missing")
    if currency != _CURRENCY[kind]:
        raise invalid(f"The currency {currency} is not supported by {kind}.", "currency")
    if kind == "eu_bank_transfer" and transfer.get(kind, {}).get("country") not in _EU_COUNTRIES:
        raise invalid(
            f"Invalid country: must be one of {', '.join(sorted(_EU_COUNTRIES))}.", f"{_WHERE}[bank_transfer]"
        )


def instructions(intent: Json, options: Json, base: str) -> Json:
    """The `next_action`: where to pay how much. A customer always gets the same account."""
    transfer = options["bank_transfer"]
    digits = str(int(hashlib.sha256(intent["customer"].encode()).hexdigest(), 16))
    country = transfer.get("eu_bank_transfer", {}).get("country", "")
    return {
        "type": "display_bank_transfer_instructions",
        "display_bank_transfer_instructions": {
            "amount_remaining": intent["amount"],
            "currency": intent["currency"],
            "financial_addresses": [_ADDRESS[transfer["type"]](digits, country)],
            "hosted_instructions_url": f"{base}/_instructions/{intent['id']}",
            "reference": hashlib.sha256(intent["id"].encode()).hexdigest()[:12].upper(),
            "type": transfer["type"],
        },
    }


def _iban(digits: str, country: str) -> Json:
    account = ("SAND" if country in _WITH_BANK_CODE else "") + digits[: _DIGITS[country]]
    numeric = "".join(str(int(letter, 36)) for letter in f"{account}{country}00")
    iban = {
        "account_holder_name": _HOLDER,
        "bic": f"SAND{country}21",
        "country": country,
        "iban": f"{country}{98 - int(numeric) % 97:02}{account}",
    }
    return {"iban": iban, "supported_networks": ["sepa"], "type": "iban"}


def _sort_code(digits: str, _country: str) -> Json:
    account = {"account_holder_name": _HOLDER, "account_number": digits[:8], "sort_code": "000000"}
    return {"sort_code": account, "supported_networks": ["fps", "bacs"], "type": "sort_code"}


def _zengin(digits: str, _country: str) -> Json:
    account = {
        "account_holder_name": _HOLDER,
        "account_number": digits[:7],
        "account_type": "futsu",
        "bank_code": "0000",
        "bank_name": "Sandbox Bank",
        "branch_code": "000",
        "branch_name": "Sandbox",
    }
    return {"supported_networks": ["zengin"], "type": "zengin", "zengin": account}


def _spei(digits: str, _country: str) -> Json:
    account = {"bank_code": "000", "bank_name": "SANDBOX", "clabe": f"000{digits[:15]}"}
    return {"spei": account, "supported_networks": ["spei"], "type": "spei"}


def _aba(digits: str, _country: str) -> Json:
    account = {"account_number": digits[:12], "bank_name": "Sandbox Bank", "routing_number": "000000000"}
    return {"aba": account, "supported_networks": ["ach", "domestic_wire_us"], "type": "aba"}


_ADDRESS: Final[dict[str, Any]] = {
    "eu_bank_transfer": _iban,
    "gb_bank_transfer": _sort_code,
    "jp_bank_transfer": _zengin,
    "mx_bank_transfer": _spei,
    "us_bank_transfer": _aba,
}
