"""The verbs an operator needs, as commands: what they do, and what they exit with."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import jwt
import pytest

from adapters.postgres.connection import connected
from adapters.postgres.embedded import EmbeddedPostgres
from tests.databases import Database, a_database, a_folder
from tests.e2e.shell import Shell

pytestmark = pytest.mark.xdist_group("command")

#: Everything production must be told.
_REQUIRED = ("DATABASE_URL", "ENCRYPTION_KEYS", "JWT_JWKS", "STRIPE_SECRET_KEY", "MPESA_CONSUMER_KEY")


@pytest.fixture
async def blank(durable_server: EmbeddedPostgres, durable_template: str) -> AsyncIterator[Database]:
    async with a_database(durable_server, template="template1") as made:
        yield made


@pytest.fixture
async def shell(blank: Database) -> AsyncIterator[Shell]:
    with a_folder() as folder:
        variables = {
            "LOCAL_DIR": str(folder / "local"),
            "DATABASE_URL": blank.dsn,
            "DATABASE_OWNER_URL": blank.owner_dsn,
        }
        yield Shell(folder, variables)


async def test_the_schema_is_told_migrated_and_reset(shell: Shell, blank: Database) -> None:
    """
    `status` exits with 1 while anything is missing; `migrate` may be repeated; `reset` starts from nothing.
    """
    before = await shell.payments("db", "status", "--json")
    applied = await shell.payments("db", "migrate", "--json")
    after = await shell.payments("db", "status", "--json")
    again = await shell.payments("db", "migrate", "--json")

    missing = [row["name"] for row in json.loads(before.stdout)]
    assert (before.returncode, applied.returncode, after.returncode, again.returncode) == (1, 0, 0, 0)
    assert json.loads(applied.stdout) == missing
    assert [row["problem"] for row in json.loads(after.stdout)] == [None] * len(missing)
    assert json.loads(again.stdout) == []

    async with connected(blank.owner_dsn) as owner:
        await owner.execute("INSERT INTO gateway_references VALUES ('receipt', 'R1', gen_random_uuid())")
    refused = await shell.payments("db", "reset")
    async with connected(blank.dsn):
        in_use = await shell.payments("db", "reset", "--yes")
    kept = await _references(blank)
    done = await shell.payments("db", "reset", "--yes")

    assert (refused.returncode, in_use.returncode, kept) == (1, 1, 1)
    assert "stop the service" in in_use.stderr
    assert (done.returncode, await _references(blank)) == (0, 0)


async def test_the_table_for_people_exits_like_the_one_for_scripts(shell: Shell) -> None:
    """
    Without --json: names to read, and the same exit code.
    """
    done = await shell.payments("db", "status")

    assert done.returncode == 1
    assert "0001" in done.stdout
    assert "not applied" in done.stdout


async def test_a_token_is_its_user_s_and_no_admin_s_unless_asked(shell: Shell) -> None:
    """
    All scopes but admin by default; signed with development's secret, which is made once.
    """
    user = str(uuid4())
    plain, admin, narrow = await asyncio.gather(
        shell.payments("token", "--user", user),
        shell.payments("token", "--user", user, "--admin"),
        shell.payments("token", "--user", user, "--scope", "payments:read"),
    )

    secret = json.loads((shell.folder / "local" / "secrets.json").read_text())["jwt_secret"]
    claims = [
        jwt.decode(one.stdout.strip(), secret, ["HS256"], audience="payment-service", issuer="auth-service")
        for one in (plain, admin, narrow)
    ]
    assert {one["sub"] for one in claims} == {user}
    assert "payments:write" in claims[0]["scopes"]
    assert "admin" not in claims[0]["scopes"]
    assert claims[1]["scopes"] == [*claims[0]["scopes"], "admin"]
    assert claims[2]["scopes"] == ["payments:read"]


async def test_every_command_explains_itself(shell: Shell) -> None:
    """
    `--help` and exit code 0; what does not exist, or is no UUID, is refused with 2.
    """
    helps = [(), ("up",), ("db", "migrate"), ("sandbox",), ("sandbox", "stripe"), ("sandbox", "daraja")]
    told = await asyncio.gather(*(shell.payments(*command, "--help") for command in helps))
    wrong = await asyncio.gather(shell.payments("nonsense"), shell.payments("token", "--user", "nobody"))

    assert [one.returncode for one in told] == [0] * len(helps)
    assert all("usage" in one.stdout.lower() for one in told)
    assert [one.returncode for one in wrong] == [2, 2]


@pytest.mark.parametrize("process", ["serve", "worker"])
async def test_production_without_secrets_does_not_start(shell: Shell, process: str) -> None:
    """
    It exits with an error that names every variable that is missing, and invents none of them.
    """
    nothing = dict.fromkeys(shell.variables, "")

    done = await shell.payments(process, APP_ENV="production", **nothing)

    assert done.returncode != 0
    assert [name for name in _REQUIRED if name not in done.stderr] == []
    assert not (shell.folder / "local").exists()
    assert not (shell.folder / ".local").exists()


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"DATABASE_URL": "postgres://app:secret@127.0.0.1:1/payments"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgres://app:secret@no-such-host.invalid/payments"}, "DATABASE_URL"),
        ({"HOST": "no-such-host.invalid"}, "HOST"),
        ({"HOST": "192.0.2.1"}, "HOST"),
        ({"LOCAL_DIR": __file__}, "LOCAL_DIR"),
        ({"APP_ENV": "prod"}, "APP_ENV"),
        ({"PORT": "http"}, "PORT"),
    ],
)
async def test_what_cannot_start_says_in_one_line_which_variable_to_mend(
    shell: Shell, variables: Mapping[str, str], named: str
) -> None:
    """
    No traceback, no error number, and no secret.
    """
    done = await shell.payments("serve", **variables)

    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert named in line
    assert "Errno" not in line
    assert "secret" not in line


async def test_production_makes_no_tokens_and_resets_nothing(shell: Shell) -> None:
    """
    What is for development is refused, each with an exit code of its own failing.
    """
    refused = await asyncio.gather(
        shell.payments("token", "--user", str(uuid4()), APP_ENV="production"),
        shell.payments("db", "reset", "--yes", APP_ENV="production"),
        shell.payments("up", APP_ENV="production"),
    )

    assert all(one.returncode != 0 for one in refused)


async def test_a_database_that_could_lose_money_is_refused(shell: Shell, blank: Database) -> None:
    """
    `synchronous_commit = off` means that "committed" may be forgotten: the API does not start, and says which setting.
    """
    assert (await shell.payments("db", "migrate")).returncode == 0
    async with connected(blank.owner_dsn) as owner:
        await owner.execute(f"ALTER DATABASE {blank.name} SET synchronous_commit = off")

    done = await shell.payments("serve")

    assert done.returncode == 2
    assert "synchronous_commit" in done.stderr


@pytest.mark.parametrize("process", ["serve", "worker"])
async def test_a_schema_behind_the_code_is_refused(shell: Shell, process: str) -> None:
    """
    It does not start, and says what to run.
    """
    done = await shell.payments(process)

    assert done.returncode == 2
    assert "payments db migrate" in done.stderr


async def _references(database: Database) -> int:
    async with connected(database.owner_dsn) as owner:
        count: int = await owner.fetchval("SELECT count(*) FROM gateway_references")
    return count
