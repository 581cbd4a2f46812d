"""The terms of a rush's own sale, and the stack it is made on."""

import os
from pathlib import Path

import pytest

from onsale.home import Home
from onsale.rush.box_office import Terms, fitting_patience_s
from onsale.rush.clients import sensible_processes
from onsale.rush.target import running


@pytest.mark.parametrize("visitors", [1, 60, 500, 5000])
@pytest.mark.parametrize("patience_s", [1, 5, 60, 600])
def test_the_whole_line_is_admitted_well_within_the_patience(
    visitors: int, patience_s: float
) -> None:
    terms = Terms.fitting(visitors, patience_s)
    assert visitors / terms.admit_per_minute * 60 <= max(1, patience_s / 2)
    assert all(
        1 <= ttl <= 86_400
        for ttl in (terms.active_ttl_s, terms.claim_ttl_s, terms.idle_ttl_s, terms.hold_ttl_s)
    )


def test_an_abandoned_hold_comes_back_many_times_while_people_still_wait() -> None:
    assert Terms.fitting(500, 60).hold_ttl_s * 7 <= 60


def test_a_big_crowd_has_the_patience_for_a_line_that_one_machine_can_serve() -> None:
    assert fitting_patience_s(500) == 60
    terms = Terms.fitting(5000, fitting_patience_s(5000))
    assert terms.admit_per_minute == 40 * 60
    assert fitting_patience_s(5000) <= 250  # a rush ends in some minutes


def test_a_small_crowd_needs_one_client_process_and_no_crowd_more_than_the_cores() -> None:
    assert sensible_processes(1) == sensible_processes(1000) == 1
    assert 1 <= sensible_processes(1001) <= 2
    assert sensible_processes(1_000_000) == len(os.sched_getaffinity(0))


def test_a_running_stack_is_found_in_its_home(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    key = home.keep("admin.key", "secret\n")
    with home.locked():
        home.announce_stack(
            {
                "pid": 1,
                "gateway_url": "http://127.0.0.1:1",
                "booking_url": "http://127.0.0.1:2",
                "redis_url": "redis://127.0.0.1:3",
                "database_url": "postgresql://127.0.0.1:4/onsale",
                "admin_key_file": str(key),
            }
        )
        target = running(home.path)
    assert target
    assert (target.gateway_url, target.admin_key) == ("http://127.0.0.1:1", "secret")
    assert running(home.path) is None  # what a stopped stack left behind is none


def test_an_empty_home_has_no_stack(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    assert running(tmp_path / "missing") is None
