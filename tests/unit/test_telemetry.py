"""The log is a list of facts, and of nobody's data."""

import json

import pytest
import structlog

from adapters import telemetry


@pytest.mark.parametrize("name", ["token", "callback_token", "phone", "Authorization", "jwt_secret", "body", "email"])
def test_what_is_secret_or_personal_by_its_name_is_taken_out(name: str) -> None:
    """Whoever bound it by mistake."""
    assert telemetry.scrub(None, "info", {name: "canary", "payment_id": "1"}) == {name: "…", "payment_id": "1"}


def test_an_error_is_told_with_its_frames_and_without_their_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """Variables are people and secrets."""
    before = structlog.get_config()
    telemetry.configure()
    secret_of_this_frame = "canary"
    try:
        int(secret_of_this_frame[:0])
    except ValueError:
        structlog.get_logger().exception("payment.not_recorded", payment_id="1")
    finally:
        structlog.configure(**before)
    line = capsys.readouterr().err.strip()
    told = json.loads(line)
    assert (told["event"], told["payment_id"], told["level"]) == ("payment.not_recorded", "1", "error")
    assert told["exception"][0]["exc_type"] == "ValueError"
    assert "canary" not in line
