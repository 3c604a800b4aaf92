"""Whether it is there, what it says of itself, and what every answer carries."""

from typing import Any, Final

from entrypoints.walk.expectations import Expected, header, member, no_body, problem, status, that, there
from entrypoints.walk.shop import Shop, fresh
from entrypoints.walk.tour import Tour
from entrypoints.walk.wire import ABSENT, Answer, Sent, get

_DOCUMENT: Final = "/openapi.json"
#: The contract's, whatever gateway is configured.
_PATHS: Final = (
    "/",
    "/payments",
    "/payments/{}",
    "/payments/user/{}",
    "/payments/{}/capture",
    "/payments/{}/cancel",
    "/refunds",
    "/refunds/{}",
    "/payments/methods",
    "/payments/methods/{}",
    "/payments/methods/{}/{}",
    "/payment/types",
    "/payment-history/{}",
    "/payment-history/user/{}",
    "/payment-history",
    "/webhooks/stripe",
    "/webhooks/mpesa",
    "/webhooks/mm/{}",
    "/webhooks/health",
    "/health/live",
    "/health/ready",
)
_METHODS: Final = ("get", "post", "put", "patch", "delete")
#: What `Allow` says of a path.
_ALLOWED: Final = {
    "/payments": "GET, HEAD, OPTIONS, POST",
    "/payments/methods/{user}": "GET, HEAD, OPTIONS",
    "/webhooks/mpesa": "OPTIONS, POST",
}
#: Offered only where something stands behind them.
_OPTIONAL: Final = ("/queue/health", "/metrics")


async def health(tour: Tour, _: Shop) -> None:
    await tour.check(
        "it is there", anonymous(get("/")), status(200), member("status", "ok"), member("service", "payment-service")
    )
    await tour.check("it moves no real money", anonymous(get("/")), status(200), member("mode", "test"))
    await tour.check("the process lives", anonymous(get("/health/live")), status(200), member("status", "ok"))
    await tour.check("it can serve", anonymous(get("/health/ready")), status(200), member("status", "ready"))
    await tour.check(
        "messages of gateways that wait are counted",
        anonymous(get("/webhooks/health")),
        status(200),
        that("waiting is a number", lambda answer: (type(answer.at("waiting")) is int, f"waiting {_waiting(answer)}")),
    )
    offered = (await tour.send(anonymous(get(_DOCUMENT)))).at("paths")
    for path in _OPTIONAL:
        if path in offered:
            await tour.check("it is told how that stands", anonymous(get(path)), status(200))
        else:
            tour.skip(f"GET {path}", "not in /openapi.json")


async def every_answer(tour: Tour, shop: Shop) -> None:
    types = get("/payment/types")
    mine = fresh("walk")
    await tour.check(
        "a sane request id is kept",
        types.with_(headers={"X-Request-Id": mine}),
        status(200),
        header("x-request-id", mine),
    )
    await tour.check(
        "any other is replaced",
        types.with_(headers={"X-Request-Id": "not sane!"}),
        status(200),
        that(
            "x-request-id another",
            lambda answer: (answer.headers.get("x-request-id") not in {None, "not sane!"}, _request_id(answer)),
        ),
    )
    await tour.check("every way to pay tells its limits", types, status(200), that("limits", _limits))
    await tour.check("it says how long it took", types, status(200), timing("total"))
    await tour.check(
        "what is one's own is asked for again each time", types, header("cache-control", "private, no-cache")
    )
    await tour.check(
        "every GET has its HEAD", types.with_(method="HEAD"), status(200), no_body(), header("content-length")
    )
    await tour.check("so has health", anonymous(get("/").with_(method="HEAD")), status(200), no_body())
    for path, methods in _ALLOWED.items():
        named = path.replace("{user}", shop.user)
        await tour.check(
            "a path tells its methods",
            Sent(method="OPTIONS", path=named, token=False),
            status(200, 204),
            header("allow", methods),
        )
    for query, rule in ((get("/payment/types", page="1"), "unknown"), (_repeated("/payments"), "repeated")):
        await tour.check(f"a query parameter that is {rule} is refused", query, problem(400, "unknown-parameter"))


async def contract(tour: Tour, _: Shop) -> None:
    document = await tour.check(
        "the contract is served",
        anonymous(get(_DOCUMENT)),
        status(200),
        that("OpenAPI 3.1", lambda answer: (str(answer.at("openapi")).startswith("3.1."), f"{answer.at('openapi')}")),
        *there("paths", "components"),
    )
    paths = document.at("paths")
    offered = paths if isinstance(paths, dict) else {}
    missing = set(_PATHS) - {_nameless(path) for path in offered}
    tour.note(
        "it has every path of the contract",
        expected=f"{len(_PATHS)} paths",
        seen=f"without {', '.join(sorted(missing))}" if missing else f"all of them, {len(offered)} in all",
        ok=not missing,
    )
    left = _not_walked(offered, tour.walked)
    tour.note(
        "all that it offers was walked",
        expected="every method of every path",
        seen=f"not {', '.join(left)}" if left else "every one",
        ok=not left and bool(offered),
    )


def anonymous(sent: Sent) -> Sent:
    return sent.with_(token=False)


def timing(*parts: str) -> Expected:
    """The answer says how long each of these parts of it took."""
    return that(
        f"server-timing: {', '.join(parts)}",
        lambda answer: (
            all(f"{part};dur=" in answer.headers.get("server-timing", "") for part in parts),
            f"server-timing: {answer.headers.get('server-timing', ABSENT)}",
        ),
    )


def _repeated(path: str) -> Sent:
    return get(path).with_(query={"limit": ["1", "1"]})


def _limits(answer: Answer) -> tuple[bool, str]:
    offered = [limits for kind in answer.items for limits in kind["currencies"]]
    sane = [
        0 < limits["multiple_of"] <= limits["min_amount"] <= limits["max_amount"] and bool(limits["currency"])
        for limits in offered
    ]
    return bool(sane) and all(sane), f"{len(sane)} limits of {', '.join(str(kind['type']) for kind in answer.items)}"


def _waiting(answer: Answer) -> str:
    return str(answer.at("waiting"))


def _request_id(answer: Answer) -> str:
    return f"x-request-id {answer.headers.get('x-request-id', ABSENT)}"


def _nameless(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def _not_walked(offered: dict[str, Any], walked: set[tuple[str, str]]) -> list[str]:
    """A path that was walked counts for the most literal of those that it fits."""
    seen = set()
    for method, path in walked:
        fitting = [template for template in offered if _fits(template, path)]
        if fitting:
            seen.add((method.lower(), min(fitting, key=lambda template: template.count("{"))))
    return [
        f"{method.upper()} {path}"
        for path, operations in offered.items()
        for method in _METHODS
        if method in operations and (method, path) not in seen
    ]


def _fits(template: str, path: str) -> bool:
    parts, there_ = template.split("/"), path.split("/")
    return len(parts) == len(there_) and all(
        part == one or part.startswith("{") for part, one in zip(parts, there_, strict=True)
    )
