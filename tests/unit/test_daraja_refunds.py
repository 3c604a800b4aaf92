"""How money goes back to an M-Pesa customer, decided before anything is promised."""

from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from adapters.daraja.gateway import DarajaGateway
from adapters.daraja.refunds import b2c_name
from adapters.daraja.transaction_status import Initiator
from adapters.daraja.unshared_token import UnsharedToken
from domain.errors import Invalid, NotRefundable, PartialRefundUnsupported, ReceiptPending
from domain.money import Money
from domain.payment import Payment, ReferenceKind
from domain.refund import RefundChannel
from tests.builders import kes
from tests.daraja_refunds import a_paid_payment, a_refund
from tests.fakes import StandingClock


def a_gateway(**settings: Any) -> DarajaGateway:
    return DarajaGateway(
        **{
            "base_url": "http://127.0.0.1:1",
            "consumer_key": "key",
            "consumer_secret": "secret",
            "passkey": "passkey",
            "shortcode": "174379",
            "callback_base": "http://127.0.0.1:2",
            "shared_token": UnsharedToken(),
            "clock": StandingClock(),
            "initiator": Initiator("initiator", "c2VjcmV0"),
            "b2c_shortcode": "600992",
        }
        | settings
    )


def channel(payment: Payment, shillings: int = 150, **settings: Any) -> RefundChannel:
    return a_gateway(**settings).plan_refund(payment, kes(shillings))


def without_receipt(**facts: Any) -> Payment:
    return a_paid_payment(references={ReferenceKind.ACCOUNT_REFERENCE: uuid7().hex[-12:].upper()}, **facts)


class TestPlan:
    def test_the_whole_of_an_untouched_payment_is_reversed(self) -> None:
        """
        With B2C and without it.
        """
        assert channel(a_paid_payment()) is RefundChannel.REVERSAL
        assert channel(a_paid_payment(), b2c_shortcode=None) is RefundChannel.REVERSAL

    def test_a_part_is_paid_by_b2c(self) -> None:
        """
        No source has seen a part reversed.
        """
        assert channel(a_paid_payment(), 149) is RefundChannel.B2C

    @pytest.mark.parametrize(
        "touched", [{"amount_refunded": 100}, {"amount_reserved": 100}, {"amount_excess_refunded": 100}]
    )
    def test_nothing_is_reversed_beside_another_refund(self, touched: dict[str, int]) -> None:
        """
        One that lives or has succeeded: the reversal would give the whole amount once more.
        """
        assert channel(a_paid_payment(**touched)) is RefundChannel.B2C
        with pytest.raises(PartialRefundUnsupported):
            channel(a_paid_payment(**touched), b2c_shortcode=None)

    def test_without_b2c_a_part_cannot_go_back(self) -> None:
        """
        The caller is told that only all of it can.
        """
        with pytest.raises(PartialRefundUnsupported):
            channel(a_paid_payment(), 149, b2c_shortcode=None)

    def test_a_receipt_that_has_not_come_yet_is_waited_for(self) -> None:
        """
        Ten minutes; then a callback that was lost, with it the receipt, must not keep the customer's money.
        """
        clock = StandingClock()
        payment = without_receipt(updated_at=clock.now())

        with pytest.raises(ReceiptPending):
            channel(payment, clock=clock)
        clock.moment += timedelta(minutes=10)
        assert channel(payment, clock=clock) is RefundChannel.B2C
        with pytest.raises(ReceiptPending):
            channel(payment, clock=clock, b2c_shortcode=None)

    def test_a_part_needs_no_receipt(self) -> None:
        """
        B2C pays to the phone.
        """
        assert channel(without_receipt(), 10) is RefundChannel.B2C

    def test_without_an_initiator_nothing_goes_back(self) -> None:
        """
        Said before anything is promised.
        """
        with pytest.raises(NotRefundable):
            channel(a_paid_payment(), initiator=None)

    @pytest.mark.parametrize("cents", [1, 14_999, 15_001])
    def test_only_whole_shillings_go_back(self, cents: int) -> None:
        """
        Never rounded.
        """
        with pytest.raises(Invalid) as refused:
            a_gateway().plan_refund(a_paid_payment(), Money(cents, "KES"))

        assert [fault.field for fault in refused.value.faults] == ["amount"]


class TestPrepare:
    def test_result_and_time_out_come_by_secrets_of_their_own(self) -> None:
        """
        256 bits each, another for each refund.
        """
        gateway = a_gateway()
        prepared = [gateway.prepare_refund(a_refund()) for _ in range(2)]

        tokens = [token for one in prepared for token in (one.callback_token, one.timeout_token)]
        assert len(set(tokens)) == 4
        assert all(token is not None and len(bytes.fromhex(token)) == 32 for token in tokens)

    def test_b2c_goes_by_one_name_for_ever(self) -> None:
        """
        Less than 20 letters and digits, the same however often it is asked for: M-Pesa takes it once.
        """
        refund = a_refund(RefundChannel.B2C)
        gateway = a_gateway()

        name = gateway.prepare_refund(refund).references[ReferenceKind.ORIGINATOR_CONVERSATION]

        assert (len(name), name.isalnum(), name) == (19, True, b2c_name(refund.id))
        assert gateway.prepare_refund(refund).references == gateway.prepare_refund(refund).references
        assert len({b2c_name(uuid7()) for _ in range(1000)}) == 1000

    def test_a_reversal_has_no_name_of_ours(self) -> None:
        """
        The API takes none.
        """
        assert a_gateway().prepare_refund(a_refund()).references == {}
