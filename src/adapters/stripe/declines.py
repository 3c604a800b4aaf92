"""Why Stripe said no, in words a shop can act on (docs.stripe.com/declines/codes and /error-codes)."""

from collections.abc import Mapping
from typing import Final

from adapters.stripe.wire import Error
from domain.evidence import Reason

_LONGEST_CODE: Final = 64

#: `decline_code` or `code` -> our reason. What is absent is `DECLINED`, or a fault of ours where it is no card's.
REASONS: Final[Mapping[str, Reason]] = {
    code: reason
    for reason, codes in {
        Reason.INSUFFICIENT_FUNDS: "insufficient_funds insufficient_balance",
        Reason.CARD_EXPIRED: "expired_card",
        Reason.INCORRECT_CVC: "incorrect_cvc invalid_cvc",
        Reason.LOST_OR_STOLEN: "lost_card stolen_card pickup_card",
        Reason.AUTHENTICATION_FAILED: """
            authentication_required authentication_not_handled mobile_device_authentication_required
            payment_intent_authentication_failure
        """,
        Reason.WRONG_PIN: """
            incorrect_pin invalid_pin pin_try_exceeded offline_pin_required online_or_offline_pin_required
        """,
        Reason.LIMIT_EXCEEDED: """
            card_velocity_exceeded withdrawal_count_limit_exceeded invalid_amount amount_too_large amount_too_small
        """,
        Reason.DUPLICATE_SUSPECTED: "duplicate_transaction",
        Reason.GATEWAY_ERROR: "processing_error issuer_not_available reenter_transaction try_again_later",
        Reason.EXPIRED: "payment_intent_payment_attempt_expired",
        Reason.INVALID_METHOD: """
            incorrect_number invalid_number invalid_expiry_month invalid_expiry_year incorrect_address incorrect_zip
            invalid_account new_account_information_available card_not_supported currency_not_supported
            testmode_decline payment_method_currency_mismatch payment_method_invalid_parameter
            payment_method_not_available payment_method_unactivated payment_method_unexpected_state
            payment_method_unsupported_type
        """,
    }.items()
    for code in codes.split()
}

#: Parameters that carry the customer's method: what is wrong with them is not wrong with us.
_METHOD_PARAMS: Final = frozenset({"payment_method", "card", "token"})


def reason(error: Error) -> Reason:
    """The reason behind a refusal; CONFIGURATION where our request or our account is at fault."""
    listed = REASONS.get(error.decline_code or "") or REASONS.get(error.code or "")
    if listed is not None:
        return listed
    if error.type == "card_error" or error.decline_code:
        return Reason.DECLINED
    if (error.param or "").partition("[")[0] in _METHOD_PARAMS:
        return Reason.INVALID_METHOD
    return Reason.CONFIGURATION


def code(error: Error) -> str | None:
    """Stripe's own word for it, the most exact one."""
    word = error.decline_code or error.code or error.type
    return word[:_LONGEST_CODE] if word else None
