"""Sending a service whatever its own document allows, and much that it does not (schemathesis)."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import schemathesis
from aiohttp import web
from schemathesis.config import HealthCheck, SchemathesisConfig
from schemathesis.engine import events, from_schema

from shared.docs import DOCS
from tests.exploration import EXPLORES
from tests.integration.documented import Headers, Service, is_stream

#: Schemas cannot say everything: an amount with too many digits for the currency, a seat that is
#: there already and a cursor of our own making fit them, and are rightly refused.
LEFT_OUT = ["positive_data_acceptance"]


@dataclass
class Explored:
    """What came of it: failed checks, and how often each operation gave which status."""

    failures: list[str] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def succeeded(self) -> set[str]:
        """Operations that did what they are for at least once."""
        return {label for label, status in self.statuses if status < 400}


def explore(
    app: web.Application,
    service: Service,
    *,
    known: bool,
    phases: tuple[str, ...],
    examples: int,
) -> Explored:
    """Send requests to `service`, whose document is `app`'s; `known`: with its credentials."""
    # What takes long to make up is made up on a busy machine, too.
    config = SchemathesisConfig(suppress_health_check=[HealthCheck.too_slow])
    schema = schemathesis.openapi.from_dict(strict(app), config=config).exclude(
        lambda context: known and never_ends(context.operation.definition.raw)
    )
    schema.config.update(base_url=service.url, continue_on_failure=True)
    schema.config.phases.update(phases=list(phases))
    schema.config.checks.update(excluded_check_names=LEFT_OUT)
    rejection = schema.config.checks.negative_data_rejection
    rejection.expected_statuses = [*rejection.expected_statuses, "412"]  # an ETag that is none
    schema.config.generation.update(
        max_examples=examples, deterministic=not EXPLORES, no_shrink=True
    )
    if known:
        schema.auth(refresh_interval=None)(_authentication(service))
    explored = Explored()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _keep(event.recorder, explored)
        elif isinstance(event, events.NonFatalError):
            explored.failures.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            explored.failures.append(repr(event.exception))
    return explored


def never_ends(operation: Any) -> bool:
    """Streams that nothing ends are no answers that one can wait for; they have tests of their
    own."""
    return is_stream(operation) and "204" not in operation["responses"]


def ending(app: web.Application) -> set[str]:
    """All operations whose answers end."""
    return {
        f"{method.upper()} {path}"
        for path, operations in strict(app)["paths"].items()
        for method, operation in operations.items()
        if not never_ends(operation)
    }


def strict(app: web.Application) -> dict[str, Any]:
    """An app's document, in which no object has a field that is not described."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(app[DOCS].document))
    for schema in found["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
    return found


def _authentication(service: Service) -> type:
    class Authentication:
        def get(self, case: Any, context: Any) -> Headers:
            return service.headers(case.operation.definition.raw)

        def set(self, case: Any, data: Headers, context: Any) -> None:
            case.headers.update(data)

    return Authentication


def _keep(recorded: Any, explored: Explored) -> None:
    for case_id, interaction in recorded.interactions.items():
        if interaction.response is None:
            explored.failures.append(f"{recorded.label}: no answer")
            continue
        label = recorded.cases[case_id].value.operation.label
        explored.statuses[label, interaction.response.status_code] += 1
    for checks in recorded.checks.values():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                explored.failures.append(
                    f"{recorded.label}: {failure.title}: {failure.message}\n"
                    f"  {check.failure_info.code_sample}"
                )
