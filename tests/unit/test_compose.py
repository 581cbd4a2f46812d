"""docker-compose.yml against the compose specification, and what this project asks of it."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
#: The compose specification's JSON schema, as in the package docker-compose (Apache-2.0).
SCHEMA = ROOT / "tests" / "data" / "compose_spec.json"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def test_it_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft201909Validator(schema).validate(compose)


def test_a_misspelt_key_would_be_found(compose: dict[str, Any]) -> None:
    misspelt = copy.deepcopy(compose)
    misspelt["services"]["gateway"]["helthcheck"] = {}
    with pytest.raises(jsonschema.ValidationError, match="helthcheck"):
        test_it_follows_the_compose_specification(misspelt)


def test_what_runs_on_is_checked_for_health_and_started_again(compose: dict[str, Any]) -> None:
    lasting = {name: it for name, it in compose["services"].items() if name != "migrate"}
    assert set(lasting) == {"redis", "postgres", "gateway", "booking-api"}
    for service in lasting.values():
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"


def test_services_wait_for_healthy_stores_and_a_finished_migration(
    compose: dict[str, Any],
) -> None:
    stores = {name: {"condition": "service_healthy"} for name in ("redis", "postgres")}
    done = {"migrate": {"condition": "service_completed_successfully"}}
    assert compose["services"]["migrate"]["depends_on"] == stores
    for name in ("gateway", "booking-api"):
        assert compose["services"][name]["depends_on"] == stores | done


def test_stores_keep_their_data_in_declared_volumes(compose: dict[str, Any]) -> None:
    mounted = {
        volume.split(":")[0]
        for name in ("redis", "postgres")
        for volume in compose["services"][name]["volumes"]
    }
    assert mounted == set(compose["volumes"])


def test_redis_keeps_places_in_line(compose: dict[str, Any]) -> None:
    command = " ".join(compose["services"]["redis"]["command"])
    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command


@pytest.mark.parametrize(
    "variable",
    [
        "ONSALE_QUEUE_SECRET",
        "ONSALE_IDENTITY_SECRET",
        "ONSALE_ADMIN_KEY",
        "ONSALE_DATABASE_PASSWORD",
    ],
)
def test_a_secret_has_no_default(variable: str) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    uses = re.findall(rf"\$\{{{variable}([^}}]*)\}}", text)
    assert uses
    assert all(use.startswith(":?") for use in uses)


def test_only_the_services_are_reachable_from_outside(compose: dict[str, Any]) -> None:
    published = {name for name, service in compose["services"].items() if "ports" in service}
    assert published == {"gateway", "booking-api"}


def test_the_image_is_made_of_files_that_exist_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [
        source
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert {"lua", "shared", "queue_gateway", "booking_api", "onsale"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines(), source
    assert any(re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", line) for line in lines)
