"""What an engine has cost in a day outlives the process, however that ends: a cap is one of the day, not of the process."""

import json
import sqlite3

import pytest

from fake_upstream import FakeUpstream
from service import Lazuli
from shifted_clock import Clock
from waiting import wait_until

HOUR_S = 3600
DAY_S = 24 * HOUR_S
SHORT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
COST = 23000  # millionths, an answer's: three tokens of a thousandth, and two of a hundredth
CATALOG = """
extends: default
engines:
  - name: {name}
    upstream:
      url: "http://127.0.0.1:{port}/v1"
      cost: {{ input_per_million: 1000, output_per_million: 10000, per_day: 0.06 }}
deployments:
  - {{ deployment: capped, engine: {name} }}
"""


@pytest.fixture
def upstream():
    running = FakeUpstream()
    yield running
    running.stop()


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture
def service(upstream, clock):
    with Lazuli(CATALOG.format(name="far", port=upstream.port), environment=clock.environment) as running:
        running.deploy("capped", "gpt-4", "0613")
        yield running


def kept(service):
    """What the database has of it, in millionths."""
    db = sqlite3.connect(service.data / "lazuli.db", timeout=20)
    found = db.execute("SELECT value FROM settings WHERE name = 'engine_spending'").fetchone()
    db.close()
    engines = json.loads(found[0]) if found else {}
    return engines.get("far", {}).get("millionths", 0)


def wait_until_kept(service, millionths):
    wait_until(lambda: kept(service) == millionths, lambda: f"{kept(service)} are kept")


def spent(service, engine="far"):
    return round(1e6 * service.metrics()[f'lazuli_engine_cost_today{{engine="{engine}"}}'])


def ask(service):
    return service.post("capped", SHORT).status_code


def test_a_crash_forgets_no_more_than_what_was_just_asked(service):
    assert [ask(service), ask(service)] == [200, 200]
    wait_until_kept(service, 2 * COST)
    for _ in range(2):
        service.kill()
        service.start()
        assert spent(service) == 2 * COST
        assert ask(service) == 403


def test_an_end_in_order_forgets_nothing(service):
    assert ask(service) == 200
    service.stop()
    assert kept(service) == COST
    service.start()
    assert ask(service) == 200
    assert spent(service) == 2 * COST


def test_an_engine_that_was_away_for_a_while_is_remembered(service, upstream):
    assert [ask(service), ask(service)] == [200, 200]
    service.catalog_file.write_text(CATALOG.format(name="other", port=upstream.port))
    assert "reload_done" in service.reload()
    service.stop()
    service.start()
    assert spent(service, "other") == 0
    service.catalog_file.write_text(CATALOG.format(name="far", port=upstream.port))
    assert "reload_done" in service.reload()
    assert spent(service) == 2 * COST


def test_the_next_day_begins_at_0(service, clock):
    assert [ask(service), ask(service), ask(service)] == [200, 200, 403]
    wait_until_kept(service, 2 * COST)
    service.kill()
    clock.move(HOUR_S)
    service.start()
    assert spent(service) == 0
    assert ask(service) == 200
    wait_until_kept(service, COST)
    service.kill()
    service.start()
    assert spent(service) == COST


@pytest.mark.parametrize(("seconds", "left"), [(-HOUR_S, 2 * COST), (-3 * DAY_S, 0)], ids=["hour", "days"])
def test_a_clock_that_is_set_back(service, clock, seconds, left):
    """Within a day or to the one before nothing is forgotten; who sets it back farther is in another time."""
    assert [ask(service), ask(service)] == [200, 200]
    wait_until_kept(service, 2 * COST)
    service.kill()
    clock.move(seconds)
    service.start()
    assert spent(service) == left
    assert ask(service) == (403 if left else 200)


def test_what_is_damaged_is_not_taken_for_nothing(service):
    service.stop()
    db = sqlite3.connect(service.data / "lazuli.db")
    db.execute("INSERT OR REPLACE INTO settings VALUES ('engine_spending', '[')")
    db.commit()
    with pytest.raises(RuntimeError, match="the stored engine_spending is damaged"):
        service.start()
    db.execute("DELETE FROM settings WHERE name = 'engine_spending'")
    db.commit()
    db.close()
    service.start()
