"""Whether the service is there, and this document"""

from typing import Any, Final

from adapters.http.openapi.operation import Answer, Operation


def _health(path: str, schema: str, title: str, says: str, *problems: str, **told: Any) -> Operation:
    return Operation(
        id=schema,
        method="get",
        path=path,
        tag="Health",
        title=title,
        says=says,
        answers=(Answer(status=200, says="All is well.", schema=schema, examples={"Well": told}),),
        problems=problems,
    )


OPERATIONS: Final = (
    _health(
        *("/", "Health", "Basic health", "The service, its version, and whether real money may move (`live`)."),
        status="ok",
        service="payment-service",
        version="0.1.0",
        mode="test",
    ),
    Operation(
        id="OpenApi",
        method="get",
        path="/openapi.json",
        tag="Health",
        title="This document",
        says="What this API can do, for machines.",
        answers=(
            Answer(status=200, says="OpenAPI 3.1.", schema="OpenApiDocument", headers=("ETag",)),
            Answer(status=304, says="It is as you have it.", headers=("ETag",)),
        ),
    ),
    _health("/health/live", "Live", "Is it alive", "The process answers.", status="ok"),
    _health(
        "/health/ready", "Ready", "Can it serve", "Send it requests only while it can.", "not-ready", status="ready"
    ),
    _health(
        *("/webhooks/health", "WebhooksHealth", "How many messages wait", "Of the gateways', to be applied."),
        *("unavailable", "outcome-unknown"),
        status="ok",
        waiting=0,
    ),
)
