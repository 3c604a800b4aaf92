"""What we hand to those who run this: checked as far as it can be without an engine or a cluster."""

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rich_click as click
import yaml

from adapters.postgres.migrate import FOLDER
from entrypoints.cli import main
from entrypoints.docs import site
from entrypoints.settings import Settings, load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
VARIABLES = {name.upper() for name in Settings.__struct_fields__}
DOCS_NEEDS = {"APP_ENV", "HOST", "DOCS_PORT", "DOCS_URL", "API_URL"}


def manifests() -> Iterator[dict[str, Any]]:
    for file in sorted((DEPLOY / "k8s").rglob("*.yaml")):
        yield from yaml.safe_load_all(file.read_text("utf-8"))


def pods() -> Iterator[Any]:
    for manifest in manifests():
        if manifest["kind"] in {"Deployment", "Job"}:
            yield pytest.param(manifest["spec"]["template"]["spec"], id=manifest["metadata"]["name"])


def of_kind(*kinds: str) -> dict[str, dict[str, Any]]:
    return {manifest["metadata"]["name"]: manifest for manifest in manifests() if manifest["kind"] in kinds}


def ours() -> Iterator[Any]:
    for name, service in COMPOSE["services"].items():
        if service["image"] == "payment-service":
            yield pytest.param(service, id=name)


def assert_is_a_command(arguments: list[str]) -> None:
    command: click.Command = main
    for name in arguments:
        assert isinstance(command, click.Group), f"{arguments}: nothing comes below {command.name}"
        assert name in command.commands, f"{arguments}: there is no {name}"
        command = command.commands[name]
    assert not isinstance(command, click.Group), f"{arguments} does nothing by itself"


class TestTheImage:
    def test_it_runs_a_command_that_exists(self) -> None:
        """
        Without arguments it is the API.
        """
        said = re.search(r'^ENTRYPOINT \["payments"\]\nCMD \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)

        assert said is not None
        assert_is_a_command([said[1]])

    def test_migrations_lie_where_they_are_looked_for(self) -> None:
        """
        Code, `db/` and `docs/` keep the places they have in a checkout.
        """
        assert FOLDER == ROOT / "db"
        assert {"COPY db db", "COPY docs docs", "COPY src src", "COPY --from=build /app /app"} <= set(
            DOCKERFILE.splitlines()
        )

    def test_it_sets_only_variables_that_exist(self) -> None:
        """
        Python's and pip's own aside.
        """
        named = set(re.findall(r"(\w+)=", " ".join(re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE))))

        assert {name for name in named if not re.match(r"PATH$|PIP_|PYTHON", name)} <= VARIABLES

    def test_what_it_copies_is_let_through(self) -> None:
        """
        `.dockerignore` lets nothing through but what the image is made of.
        """
        let_through = {
            line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
        }
        copied = {
            source.split("/")[0]
            for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE)
            for source in line.split()
        }

        assert copied == let_through

    def test_nobody_is_root_in_it(self) -> None:
        """
        The last word on the user is a number, as a cluster wants to see it.
        """
        assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]

    def test_everything_installed_has_a_hash(self) -> None:
        """
        Nothing comes from an index without one, and our own code comes from none.
        """
        installs = re.findall(r" install (.*?)(?: \\)?$", DOCKERFILE, re.MULTILINE)

        assert installs
        assert all("--require-hashes" in line or "--no-index" in line for line in installs)


class TestCompose:
    @pytest.mark.parametrize("service", list(ours()))
    def test_a_service_runs_a_command_that_exists(self, service: dict[str, Any]) -> None:
        """
        A renamed command must not be found out by an operator.
        """
        assert_is_a_command(service["command"])

    @pytest.mark.parametrize("service", list(ours()))
    def test_a_service_sets_only_variables_that_exist(self, service: dict[str, Any]) -> None:
        """
        A misspelt variable would silently be a default.
        """
        assert set(service["environment"]) <= VARIABLES

    @pytest.mark.parametrize("service", list(ours()))
    def test_a_service_is_production(self, service: dict[str, Any]) -> None:
        """
        Whatever `.env` says: development's secrets never take money.
        """
        assert service["environment"]["APP_ENV"] == "production"

    def test_only_migrations_and_the_worker_have_the_owners_password(self) -> None:
        """
        Who talks to the world cannot change the history.
        """
        emptied = {
            name
            for name, service in COMPOSE["services"].items()
            if service.get("environment", {}).get("DB_OWNER_PASSWORD") == ""
        }

        assert emptied == {"api"}

    def test_the_documentation_server_is_given_no_secret(self) -> None:
        """
        Anyone may read it, so nothing is there to be read; what it is given is all that it needs.
        """
        service = COMPOSE["services"]["docs"]

        assert service["env_file"] == []
        assert set(service["environment"]) == DOCS_NEEDS

    def test_the_database_is_given_what_its_roles_are_made_of(self) -> None:
        """
        And nothing else: the gateways' keys are none of its business.
        """
        script = (DEPLOY / "postgres" / "roles.sh").read_text("utf-8")
        wanted = set(re.findall(r"^\\getenv \w+ (\w+)$", script, re.MULTILINE))

        assert wanted <= VARIABLES
        assert set(COMPOSE["services"]["postgres"]["environment"]) == wanted | {"POSTGRES_PASSWORD"}


class TestKubernetes:
    @pytest.mark.parametrize("pod", list(pods()))
    def test_a_pod_runs_a_command_that_exists(self, pod: dict[str, Any]) -> None:
        """
        A renamed command must not be found out by an operator.
        """
        for container in pod["containers"]:
            assert_is_a_command(container["args"])

    @pytest.mark.parametrize("pod", list(pods()))
    def test_a_pod_takes_its_variables_from_what_there_is(self, pod: dict[str, Any]) -> None:
        """
        Every ConfigMap and Secret that is asked for has a template.
        """
        templates = of_kind("ConfigMap", "Secret")
        asked = {
            reference["name"]
            for container in pod["containers"]
            for source in container["envFrom"]
            for reference in source.values()
        }

        assert asked <= set(templates)

    @pytest.mark.parametrize("pod", list(pods()))
    def test_a_pod_may_do_nothing_it_need_not(self, pod: dict[str, Any]) -> None:
        """
        No root, no writing, no new rights, no token of the cluster's.
        """
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["resources"]["limits"]["memory"]
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }

    def test_the_templates_name_only_variables_that_exist(self) -> None:
        """
        A misspelt variable would silently be a default.
        """
        for template in of_kind("ConfigMap", "Secret").values():
            assert set(template.get("data", {}) | template.get("stringData", {})) <= VARIABLES

    def test_the_templates_hold_no_secret(self) -> None:
        """
        Not even one that looks like it.
        """
        for template in of_kind("Secret").values():
            assert set(template["stringData"].values()) == {""}

    def test_the_configuration_can_be_loaded(self) -> None:
        """
        Its values are ones that production starts on, once the secrets are filled in.
        """
        secrets = {
            "DB_USER": "app",
            "ENCRYPTION_KEYS": f"first:{b64encode(bytes(32)).decode()}",
            "STRIPE_SECRET_KEY": "sk_live_1",
            "STRIPE_WEBHOOK_SECRET": "whsec_1",
        }
        load({**of_kind("ConfigMap")["payment-service"]["data"], **secrets})

    def test_the_api_is_asked_where_it_answers(self) -> None:
        """
        Probes and Service go to the port that the configuration opens.
        """
        port = int(of_kind("ConfigMap")["payment-service"]["data"]["PORT"])
        [container] = of_kind("Deployment")["payment-service-api"]["spec"]["template"]["spec"]["containers"]
        [exposed] = of_kind("Service")["payment-service"]["spec"]["ports"]

        assert container["ports"] == [{"name": "http", "containerPort": port}]
        assert exposed["targetPort"] == "http"
        assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "http"}
        assert container["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "http"}

    def test_the_api_cannot_act_as_the_owner(self) -> None:
        """
        Who talks to the world cannot change the history.
        """
        [container] = of_kind("Deployment")["payment-service-api"]["spec"]["template"]["spec"]["containers"]

        assert {"secretRef": {"name": "payment-service-owner"}} not in container["envFrom"]

    def test_the_documentation_server_is_given_no_secret(self) -> None:
        """
        Anyone may read it, so nothing is there to be read; what it is given is all that it needs.
        """
        [container] = of_kind("Deployment")["payment-service-docs"]["spec"]["template"]["spec"]["containers"]
        given = of_kind("ConfigMap")["payment-service-docs"]["data"]

        assert container["envFrom"] == [{"configMapRef": {"name": "payment-service-docs"}}]
        assert set(given) == DOCS_NEEDS
        assert container["ports"] == [{"name": "http", "containerPort": int(given["DOCS_PORT"])}]
        site(load(given, to_serve=False, to_store=False))

    def test_services_and_budgets_find_their_pods(self) -> None:
        """
        A selector that matches nothing takes the service off the net in silence.
        """
        labels = [
            manifest["spec"]["template"]["metadata"]["labels"].items() for manifest in of_kind("Deployment").values()
        ]
        selectors = [
            manifest["spec"]["selector"].get("matchLabels", manifest["spec"]["selector"]).items()
            for manifest in of_kind("Deployment", "Service", "PodDisruptionBudget").values()
        ]

        assert all(any(selector <= these for these in labels) for selector in selectors)
