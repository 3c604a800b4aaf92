"""The environment: what is said wrongly is named, what is secret is told to nobody."""

import re
from base64 import b64encode
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from dotenv import dotenv_values

from entrypoints.local import furnished
from entrypoints.settings import AppEnv, ConfigurationError, Settings, load

EXAMPLE = Path(__file__).parents[2] / "env.example"
VARIABLES = {name.upper() for name in Settings.__struct_fields__}

MASTER_KEY = f"first:{b64encode(bytes(32)).decode()}"
STRIPE = {"STRIPE_SECRET_KEY": "sk_live_of-stripe", "STRIPE_WEBHOOK_SECRET": "whsec_of-stripe"}
MPESA = {
    "MPESA_BASE_URL": "https://api.safaricom.co.ke",
    "MPESA_CONSUMER_KEY": "key-of-daraja",
    "MPESA_CONSUMER_SECRET": "secret-of-daraja",
    "MPESA_PASSKEY": "passkey-of-daraja",
    "MPESA_SHORTCODE": "600000",
    "MPESA_CALLBACK_URL": "https://pay.example.org",
}
INITIATOR = {
    "MPESA_INITIATOR_NAME": "initiator",
    "MPESA_INITIATOR_PASSWORD": "password-of-initiator",
    "MPESA_CERTIFICATE": "safaricom.pem",
    "MPESA_B2C_SHORTCODE": "600992",
}
PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgres://app:password-of-app@db.example.org/payment_service",
    "DATABASE_OWNER_URL": "postgres://owner:password-of-owner@db.example.org/payment_service",
    "ENCRYPTION_KEYS": MASTER_KEY,
    "JWT_JWKS": "https://auth.example.org/jwks.json",
    **STRIPE,
    **MPESA,
}
WRITTEN = {"DATABASE_URL": "postgres://app:p%2Fq@db:5433/payments?sslmode=verify-full"}
#: The public key of RFC 8037, appendix A.2.
KEY_SET = """{"keys": [
    {"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}"""
#: Every variable whose value opens something.
SECRETS = {
    "DATABASE_URL": "postgres://app:s3cret@db.example.org/payment_service",
    "DATABASE_OWNER_URL": "postgres://owner:s3cret@db.example.org/payment_service",
    "DB_PASSWORD": "s3cret",
    "DATABASE_READ_URL": "postgres://app:s3cret@replica.example.org/payment_service",
    "DB_READ_PASSWORD": "s3cret",
    "DB_OWNER_PASSWORD": "s3cret",
    "STRIPE_SECRET_KEY": "sk_live_s3cret",
    "STRIPE_WEBHOOK_SECRET": "whsec_s3cret",
    "MPESA_CONSUMER_KEY": "s3cret",
    "MPESA_CONSUMER_SECRET": "s3cret",
    "MPESA_PASSKEY": "s3cret",
    "MPESA_INITIATOR_PASSWORD": "s3cret",
    "JWT_SECRET": "s3cret" * 6,
    "ENCRYPTION_KEYS": f"first:{b64encode(b's3cret' * 5 + b'..').decode()}",
}


def without(*names: str) -> Mapping[str, str]:
    """Production, but for these."""
    assert set(names) <= set(PRODUCTION)
    return {name: value for name, value in PRODUCTION.items() if name not in names}


def what_is_wrong_with(given: Mapping[str, str]) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(given)
    return str(refused.value)


class TestTheExample:
    def test_it_names_every_variable_and_no_other(self) -> None:
        """
        `env.example` is the list of what can be set.
        """
        assert set(dotenv_values(EXAMPLE)) == VARIABLES

    def test_it_says_of_each_variable_what_it_is(self) -> None:
        """
        A comment stands above every variable.
        """
        lines = EXAMPLE.read_text("utf-8").splitlines()

        unexplained = [
            line for before, line in pairwise(lines) if re.match(r"\w+=", line) and not re.match(r"# \S", before)
        ]

        assert unexplained == []

    def test_copied_as_it_is_it_changes_nothing(self) -> None:
        """
        What it fills in are the defaults, so development works with it as without it.
        """
        example = {name: value or "" for name, value in dotenv_values(EXAMPLE).items()}

        assert load(example) == Settings()

    def test_every_tool_reads_it_the_same_way(self) -> None:
        """
        No quotes, no comment behind a value: container engines take both for a part of the value.
        """
        lines = EXAMPLE.read_text("utf-8").splitlines()
        plainly = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

        assert plainly == dotenv_values(EXAMPLE)


class TestValues:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("APP_ENV", "prod"),
            ("PORT", "0"),
            ("PORT", "65536"),
            ("PORT", "http"),
            ("DB_PORT", "5432.5"),
            ("DB_POOL_SIZE", "1"),
            ("DB_POOL_SIZE", "201"),
            ("STRIPE_TIMEOUT_SECONDS", "0"),
            ("MPESA_TIMEOUT_SECONDS", "-1"),
            ("MPESA_CONFIRM", "hope"),
            ("JWT_MAX_AGE_SECONDS", "1h"),
            ("LEASE_SECONDS", "soon"),
            ("DOCS_PORT", "docs"),
            ("API_URL", "pay.example.org"),
            ("DOCS_URL", "docs.example.org"),
            ("DOCS_URL", "ftp://docs.example.org"),
            ("DOCS_URL", "https://"),
            ("CORS_ORIGINS", "*"),
            ("CORS_ORIGINS", "https://*.example.org"),
            ("CORS_ORIGINS", "shop.example.org"),
            ("CORS_ORIGINS", "https://shop.example.org/"),
            ("CORS_ORIGINS", "https://shop.example.org:443"),
            ("CORS_ORIGINS", "https://Shop.example.org"),
            ("CORS_ORIGINS", "https://shop.example.org,null"),
            ("STRIPE_SECRET_KEY", "pk_test_1"),
            ("STRIPE_SECRET_KEY", "sk_live_1"),
            ("STRIPE_SECRET_KEY", "rk_live_1"),
            ("JWT_SECRET", "x" * 31),
            ("JWT_JWKS", "no-such-file.json"),
            ("JWT_JWKS", __file__),
            ("JWT_JWKS", "http://auth.example.org/jwks.json"),
            ("MPESA_CALLBACK_URL", "https://mpesa.example.org"),
            ("MPESA_CALLBACK_URL", "pay.example.org"),
            ("CHECK_AFTER_SECONDS", "25;45"),
            ("CHECK_AFTER_SECONDS", "25,,45"),
            ("CHECK_AFTER_SECONDS", "25,10"),
            ("CHECK_AFTER_SECONDS", "0,0"),
            ("CHECK_AFTER_SECONDS", "9999999999"),
            ("DATABASE_URL", "nonsense"),
            ("DATABASE_READ_URL", "replica.example.org"),
            ("DB_READ_PORT", "0"),
            ("DATABASE_URL", "postgres://a:pass/word@db/name"),
            ("ENCRYPTION_KEYS", f"{MASTER_KEY},{MASTER_KEY}"),
            ("DUPLICATE_WINDOW_SECONDS", "10min"),
            ("IDEMPOTENCY_KEYS_DAYS", "0"),
            ("INBOX_RETENTION_DAYS", "90.5"),
            ("SANDBOX_STRIPE_PORT", "many"),
            ("SANDBOX_DARAJA_PORT", "-12112"),
            ("ENCRYPTION_KEYS", "first"),
            ("ENCRYPTION_KEYS", "first:short"),
            ("ENCRYPTION_KEYS", f"{MASTER_KEY},second:short"),
        ],
    )
    def test_a_wrong_value_names_its_variable(self, name: str, value: str) -> None:
        """
        Whoever mends it need not search.
        """
        assert name in what_is_wrong_with({name: value})

    @pytest.mark.parametrize(
        ("name", "value", "asked"),
        [
            ("APP_ENV", "prod", "APP_ENV must be one of: development, test, production"),
            ("PORT", "http", "PORT must be a whole number from 1 to 65535"),
            ("JWT_MAX_AGE_SECONDS", "1h", "JWT_MAX_AGE_SECONDS must be a whole number, at least 1"),
        ],
    )
    def test_a_value_of_another_kind_is_told_in_words(self, name: str, value: str, asked: str) -> None:
        """
        What it should be, for people who read no Python; and what it was is not repeated.
        """
        assert what_is_wrong_with({name: value}) == asked

    def test_in_development_the_documentation_s_pages_may_call(self, tmp_path: Path) -> None:
        """
        By either name of this machine; what is set wins.
        """
        given = {"LOCAL_DIR": str(tmp_path), "DOCS_PORT": "9000"}

        assert furnished(load(given)).origins == ["http://127.0.0.1:9000", "http://localhost:9000"]
        assert furnished(load({**given, "CORS_ORIGINS": "https://a.example"})).origins == ["https://a.example"]
        assert furnished(load(PRODUCTION)).origins == []

    def test_development_leads_errors_to_the_port_of_their_documentation(self, tmp_path: Path) -> None:
        """
        Unless it is said where that is.
        """
        given = {"DOCS_PORT": "9000", "LOCAL_DIR": str(tmp_path)}

        assert furnished(load(given)).docs_url == "http://127.0.0.1:9000"
        assert furnished(load({**given, "DOCS_URL": "https://d.example"})).docs_url == "https://d.example"

    def test_the_api_is_where_it_listens_unless_it_is_said(self) -> None:
        """
        An address that means every one of this machine's is none to call.
        """
        assert load({"HOST": "0.0.0.0", "PORT": "9001"}).api_address == "http://127.0.0.1:9001"  # noqa: S104
        assert load({"API_URL": "https://pay.example.org/"}).api_address == "https://pay.example.org"

    def test_what_keeps_no_data_needs_no_database_and_no_keys(self) -> None:
        """
        The documentation server of production holds no secret.
        """
        assert load({"APP_ENV": "production"}, to_serve=False, to_store=False).app_env is AppEnv.PRODUCTION

    def test_origins_are_a_list(self) -> None:
        """
        Each as a browser spells it; a port stands where it is no default.
        """
        given = "https://shop.example.org, http://localhost:3000 ,http://[::1]:8080,"

        assert load({"CORS_ORIGINS": given}).origins == [
            "https://shop.example.org",
            "http://localhost:3000",
            "http://[::1]:8080",
        ]

    @pytest.mark.parametrize("name", ["PORT", "SANDBOX_STRIPE_PORT", "SANDBOX_DARAJA_PORT"])
    def test_two_cannot_listen_on_one_port(self, name: str) -> None:
        """
        On one machine; in production each process has a container of its own.
        """
        assert name in what_is_wrong_with({name: "8889"})
        load({**PRODUCTION, name: "8889"})

    def test_a_key_set_may_be_a_file(self, tmp_path: Path) -> None:
        """
        It is read at the start, so that a wrong path is found then and not by the first caller.
        """
        file = tmp_path / "jwks.json"
        file.write_text(KEY_SET, "utf-8")

        assert load({"JWT_JWKS": str(file)}).jwt_jwks == str(file)

    @pytest.mark.parametrize(
        ("given", "named"),
        [
            ({"LEASE_SECONDS": "40"}, "LEASE_SECONDS"),
            ({"MPESA_TIMEOUT_SECONDS": "30"}, "LEASE_SECONDS"),
            ({"JWT_SECRET": "x" * 32, "JWT_JWKS": "https://auth.example.org/jwks.json"}, "JWT_SECRET"),
            (MPESA, "MPESA_BASE_URL"),
            ({"MPESA_CONSUMER_KEY": "key"}, "MPESA_PASSKEY"),
            ({"MPESA_CONSUMER_SECRET": "secret"}, "MPESA_CONSUMER_KEY"),
            ({**MPESA, "MPESA_CALLBACK_URL": ""}, "MPESA_CALLBACK_URL"),
            ({"DATABASE_URL": "postgres://a:b@c/d", "DB_HOST": "c", "DB_USER": "a"}, "DB_HOST"),
            ({"DB_HOST": "db"}, "DB_USER"),
            ({"DATABASE_URL": "postgres://a:b@c/d", "DB_READ_USER": "a"}, "DB_READ_HOST"),
            ({**WRITTEN, "DB_READ_HOST": "c", "DATABASE_READ_URL": "postgres://a:b@c/d"}, "DB_READ_HOST"),
            ({"DB_READ_HOST": "replica"}, "DATABASE_URL"),
            ({"DATABASE_READ_URL": "postgres://a:b@c/d"}, "DB_HOST"),
            ({"MPESA_CONFIRM": "status"}, "MPESA_INITIATOR_NAME"),
            ({"MPESA_B2C_SHORTCODE": "600992"}, "MPESA_INITIATOR_NAME"),
            ({"MPESA_CERTIFICATE": "safaricom.pem"}, "MPESA_INITIATOR_PASSWORD"),
        ],
    )
    def test_what_contradicts_itself_is_refused_everywhere(self, given: Mapping[str, str], named: str) -> None:
        """
        Not only production starts on nothing half configured.
        """
        assert named in what_is_wrong_with(given)

    def test_an_empty_variable_is_not_set(self) -> None:
        """
        As `env.example` leaves them, and as compose files pass on what they were not given.
        """
        assert load({"STRIPE_SECRET_KEY": "", "PORT": " "}) == Settings()

    def test_other_programs_variables_are_nobodys_business(self) -> None:
        """
        An environment is full of them.
        """
        assert load({"PATH": "/bin", "port": "1"}) == Settings()

    def test_every_problem_is_told_at_once(self) -> None:
        """
        Starting once shows all that must be mended.
        """
        told = what_is_wrong_with({"APP_ENV": "production", "LEASE_SECONDS": "1"})

        assert {"LEASE_SECONDS", "DATABASE_URL", "ENCRYPTION_KEYS", "JWT_JWKS"} <= set(re.findall(r"[A-Z_]{4,}", told))

    def test_settings_survive_the_way_to_a_child_process(self) -> None:
        """
        `payments up` hands its own settings to the processes it starts.
        """
        settings = load({**PRODUCTION, **INITIATOR, "CORS_ORIGINS": "https://shop.example.org"})

        assert load(settings.environment()) == settings


class TestProduction:
    def test_it_starts_on_what_it_needs(self) -> None:
        """
        The table below takes away from this, piece by piece.
        """
        assert load(PRODUCTION).app_env is AppEnv.PRODUCTION

    @pytest.mark.parametrize("gateway", [STRIPE, MPESA])
    def test_one_gateway_is_enough(self, gateway: Mapping[str, str]) -> None:
        """
        A shop may take money by one way only.
        """
        load(without(*gateway))

    @pytest.mark.parametrize(
        ("given", "named"),
        [
            pytest.param(without("DATABASE_URL", "DATABASE_OWNER_URL"), "DATABASE_URL", id="no database"),
            pytest.param({**without("DATABASE_URL", "DATABASE_OWNER_URL"), "DB_HOST": "db"}, "DB_USER", id="no role"),
            pytest.param(without("ENCRYPTION_KEYS"), "ENCRYPTION_KEYS", id="no master key"),
            pytest.param(without("JWT_JWKS"), "JWT_JWKS", id="no public keys"),
            pytest.param({**without("JWT_JWKS"), "JWT_SECRET": "x" * 32}, "JWT_SECRET", id="development's secret"),
            pytest.param({**PRODUCTION, "JWT_SECRET": "x" * 32}, "JWT_SECRET", id="both kinds of keys"),
            pytest.param(without(*STRIPE, *MPESA), "STRIPE_SECRET_KEY", id="no gateway"),
            pytest.param(without(*STRIPE, *MPESA), "MPESA_CONSUMER_KEY", id="no gateway at all"),
            pytest.param(without("STRIPE_WEBHOOK_SECRET"), "STRIPE_WEBHOOK_SECRET", id="unsigned events"),
            pytest.param(without("MPESA_BASE_URL"), "MPESA_BASE_URL", id="no address of Daraja's"),
            pytest.param(without("MPESA_CONSUMER_SECRET"), "MPESA_CONSUMER_SECRET", id="no consumer secret"),
            pytest.param(without("MPESA_PASSKEY"), "MPESA_PASSKEY", id="no passkey"),
            pytest.param(without("MPESA_SHORTCODE"), "MPESA_SHORTCODE", id="no shortcode"),
            pytest.param(without("MPESA_CALLBACK_URL"), "MPESA_CALLBACK_URL", id="nowhere to call back"),
            pytest.param(
                {**PRODUCTION, "MPESA_CALLBACK_URL": "http://pay.example.org"},
                "MPESA_CALLBACK_URL",
                id="callbacks in the clear",
            ),
            pytest.param({**PRODUCTION, "MPESA_CONFIRM": "status"}, "MPESA_CERTIFICATE", id="no initiator"),
            pytest.param({**PRODUCTION, "STRIPE_SECRET_KEY": "sk_test_1"}, "STRIPE_SECRET_KEY", id="a test key"),
            pytest.param(
                {**PRODUCTION, "STRIPE_BASE_URL": "http://stripe"}, "STRIPE_BASE_URL", id="Stripe in the clear"
            ),
            pytest.param(
                {**PRODUCTION, "STRIPE_WEBHOOK_SECRET": ","}, "STRIPE_WEBHOOK_SECRET", id="no secret but a comma"
            ),
            pytest.param(without("STRIPE_SECRET_KEY"), "STRIPE_SECRET_KEY", id="a webhook secret without its key"),
            pytest.param(
                {**PRODUCTION, "MPESA_BASE_URL": "https://sandbox.safaricom.co.ke"}, "MPESA_BASE_URL", id="a sandbox"
            ),
            pytest.param(
                {**PRODUCTION, "MPESA_CALLBACK_URL": "https://mpesa.example.org"},
                "MPESA_CALLBACK_URL",
                id="a word that Daraja refuses",
            ),
            pytest.param(
                {**PRODUCTION, "CORS_ORIGINS": "http://shop.example.org"}, "CORS_ORIGINS", id="a page in the clear"
            ),
        ],
    )
    def test_it_refuses_what_is_missing_or_contradictory(self, given: Mapping[str, str], named: str) -> None:
        """
        Money is never taken on half a configuration, and the variable is named.
        """
        assert named in what_is_wrong_with(given)

    def test_work_on_the_database_needs_the_database_alone(self) -> None:
        """
        Who migrates holds no gateway's keys.
        """
        given = {"APP_ENV": "production", "DATABASE_URL": PRODUCTION["DATABASE_URL"]}
        assert load(given, to_serve=False).dsn == given["DATABASE_URL"]
        with pytest.raises(ConfigurationError, match="DATABASE_URL"):
            load({"APP_ENV": "production"}, to_serve=False)

    @pytest.mark.parametrize("name", ["ENCRYPTION_KEYS", "JWT_JWKS", "STRIPE_WEBHOOK_SECRET", "MPESA_PASSKEY"])
    def test_an_empty_secret_is_a_missing_one(self, name: str) -> None:
        """
        A secret that was mounted empty must not count.
        """
        assert name in what_is_wrong_with({**PRODUCTION, name: "  "})


class TestTheFile:
    @pytest.fixture(autouse=True)
    def a_folder_of_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)

    def test_without_one_the_defaults_hold(self) -> None:
        """
        A fresh checkout needs no file.
        """
        assert load() == Settings()

    def test_it_wins_over_the_defaults(self) -> None:
        """
        `.env` in the working folder is read.
        """
        Path(".env").write_text("PORT=9001\n", "utf-8")

        assert load().port == 9001

    def test_the_environment_wins_over_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        What is said for one run outweighs what is said for all.
        """
        Path(".env").write_text("PORT=9001\nDB_NAME=from_file\n", "utf-8")
        monkeypatch.setenv("PORT", "9002")

        assert (load().port, load().db_name) == (9002, "from_file")

    def test_the_environment_can_empty_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A variable set to nothing takes back what the file says.
        """
        Path(".env").write_text("STRIPE_SECRET_KEY=sk_test_from_file\n", "utf-8")
        monkeypatch.setenv("STRIPE_SECRET_KEY", "")

        assert not load().has_stripe

    def test_given_settings_are_all_there_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Whoever hands settings in gets no others: tests do not depend on the machine.
        """
        Path(".env").write_text("PORT=9001\n", "utf-8")
        monkeypatch.setenv("DB_NAME", "from_environment")

        assert load({}) == Settings()


class TestTheDatabase:
    def test_any_password_reaches_the_database_as_it_is(self) -> None:
        """
        Passwords are full of characters that mean something in a URL.
        """
        settings = load({"DB_HOST": "db", "DB_USER": "app", "DB_PASSWORD": "a/b@c:d#e?f%g"})

        assert settings.dsn == "postgres://app:a%2Fb%40c%3Ad%23e%3Ff%25g@db:5432/payment_service"

    def test_the_owner_is_the_application_where_no_other_is_named(self) -> None:
        """
        One role is enough to begin with; then nothing need be granted.
        """
        settings = load({"DB_HOST": "db", "DB_USER": "app"})

        assert (settings.owner_dsn, settings.app_role) == (settings.dsn, None)

    def test_an_owner_of_its_own_grants_to_the_application(self) -> None:
        """
        The role to be granted is the one in the application's URL.
        """
        settings = load({"DB_HOST": "db", "DB_USER": "app", "DB_OWNER_USER": "owner"})

        assert settings.app_role == "app"

    @pytest.mark.parametrize(
        ("said", "replica"),
        [
            ({}, None),
            ({"DB_READ_HOST": "copy"}, "postgres://app:p%2Fq@copy:5433/payments?sslmode=verify-full"),
            (
                {
                    "DB_READ_HOST": "copy",
                    "DB_READ_PORT": "6000",
                    "DB_READ_NAME": "same",
                    "DB_READ_USER": "reader",
                    "DB_READ_PASSWORD": "a@b",
                },
                "postgres://reader:a%40b@copy:6000/same?sslmode=verify-full",
            ),
            ({"DATABASE_READ_URL": "postgres://a:b@copy/d"}, "postgres://a:b@copy/d"),
        ],
    )
    def test_a_replica_is_like_the_database_unless_it_is_said(
        self, said: Mapping[str, str], replica: str | None
    ) -> None:
        """
        Its host is enough; without one there is no replica.
        """
        assert load({**WRITTEN, **said}).read_dsn == replica


class TestMode:
    @pytest.mark.parametrize(
        ("changes", "may"),
        [
            ({"STRIPE_SECRET_KEY": "sk_test_1"}, False),
            ({**MPESA, "MPESA_BASE_URL": "http://127.0.0.1:12112"}, False),
            ({**MPESA, "MPESA_BASE_URL": "https://sandbox.safaricom.co.ke"}, True),
            (PRODUCTION, True),
        ],
    )
    def test_real_money_may_move_unless_it_surely_does_not(self, changes: Mapping[str, str], may: bool) -> None:
        """
        A test key of Stripe's moves none, nor does a stand-in of Daraja; Safaricom's own sandbox rings real phones.
        """
        assert load(changes).may_move_real_money is may


class TestSecrets:
    @pytest.mark.parametrize(
        "broken",
        [
            {"PORT": "none"},
            {"LEASE_SECONDS": "1"},
            {"CHECK_AFTER_SECONDS": "never"},
            {"MPESA_CONFIRM": "status", "MPESA_INITIATOR_NAME": ""},
            {"JWT_JWKS": "https://auth.example.org/jwks.json"},
            {"APP_ENV": "production", "STRIPE_WEBHOOK_SECRET": ""},
            {"APP_ENV": "production", "MPESA_CALLBACK_URL": "http://pay.example.org"},
            {"ENCRYPTION_KEYS": "first:s3cret"},
        ],
    )
    def test_no_complaint_repeats_a_secret(self, broken: Mapping[str, str]) -> None:
        """
        A message goes to logs and to whoever looks over a shoulder.
        """
        told = what_is_wrong_with({**SECRETS, **broken})

        assert [name for name, value in SECRETS.items() if value in told or "s3cret" in told] == []

    @pytest.mark.parametrize("name", SECRETS)
    def test_printed_settings_hide_every_secret(self, name: str) -> None:
        """
        Tracebacks and debuggers print what they hold.
        """
        settings = msgspec.structs.replace(Settings(), **{name.lower(): SECRETS[name]})

        assert SECRETS[name] not in repr(settings)
