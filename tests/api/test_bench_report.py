"""The reports of lazuli bench load: JSON for programs, a page for people."""

import json
import re
from xml.etree import ElementTree

import pytest

from fake_upstream import obliging
from load import SHORT, run_load


async def one_of_three_fails(call):
    call_number = one_of_three_fails.count = one_of_three_fails.count + 1
    if call_number % 3:
        await obliging(call)
    else:
        body = {"error": {"code": "<script>alert(1)</script>", "message": "a & b \"c\" 'd' \u00fc\n\x01"}}
        await call.reply(500, body, {"apim-request-id": "<id>", "azure-openai-deployment-utilization": "50%"})


@pytest.fixture
def failing(upstream, endpoint):
    one_of_three_fails.count = 0
    upstream.script = one_of_three_fails
    return endpoint


def read_page(path):
    """The page as a tree; it is written so that XML's rules hold, too."""
    text = path.read_text()
    start = "<!DOCTYPE html>\n"
    assert text.startswith(start)
    return text, ElementTree.fromstring(text[len(start) :])


def text_of(element):
    return "".join(element.itertext())


def test_json(failing, tmp_path):
    path = tmp_path / "report.json"
    done = run_load("-n", 30, "-c", 2, "-r", 1800, *SHORT, "--report", path, failing)
    assert done.status == 0, done.err
    found = json.loads(path.read_text())
    assert found["options"]["api_base_endpoint"] == failing
    assert (found["options"]["rate"], found["options"]["clients"]) == (1800, 2)
    totals = found["totals"]
    assert (totals["completed"], totals["done"], totals["failures"], totals["throttled"]) == (30, 20, 10, 0)
    assert totals["context_tokens"] == 20 * 50 and totals["generated_tokens"] == 20 * 2
    assert totals["rpm"] == pytest.approx(20 * 60 / found["run_seconds"], rel=0.01)
    assert (totals["utilization_avg"], totals["utilization_max"]) == (50, 50)
    for name in ("ttft", "ttft_corrected", "tbt", "e2e", "e2e_corrected"):
        row = found["latency_seconds"][name]
        assert row["count"] == 20
        assert row["min"] <= row["p50"] <= row["p90"] <= row["p95"] <= row["p99"] <= row["p99.9"] <= row["max"]
    (failure,) = found["failures"]
    assert (failure["cause"], failure["status"], failure["count"]) == ("status", 500, 10)
    assert failure["text"].startswith("<script>alert(1)</script>: a & b \"c\" 'd' \u00fc")
    assert failure["apim_request_ids"] == ["<id>"] * 3
    assert sum(point["done"] for point in found["series"]["points"]) == 20
    assert sum(point["failed"] for point in found["series"]["points"]) == 10


def test_page(failing, tmp_path):
    path = tmp_path / "report.html"
    done = run_load("-d", 3, "-r", 1200, *SHORT, "--report", path, failing, deployment="a<b>&\"c'")
    assert done.status == 0, done.err
    text, page = read_page(path)
    assert "<script" not in text  # it runs nothing,
    assert not re.search(r"(src|href|url|@import)\s*[=(]", text)  # and loads nothing
    assert text_of(page.find("body/h1")) == "Load of a<b>&\"c'"
    captions = [text_of(caption) for caption in page.iter("figcaption")]
    assert [caption.split("  ")[0].strip() for caption in captions] == [
        "Requests a minute done failed throttled tried again",
        "Tokens a minute answers prompts",
        "End to end s p50 p95 p99 p95 from the planned time",
        "Time to first token s p50 p95 p99",
        "Utilization of the deployment % average",
        "Latency by percentile s end to end first token end to end, from the planned time",
    ]
    charts = list(page.iter("svg"))
    assert len(charts) == len(captions)
    for chart in charts:
        points = [line.get("points") for line in chart.iter("polyline")]
        assert points and "nan" not in "".join(points)
        for x, y in (point.split(",") for line in points for point in line.split()):
            assert 0 <= float(x) <= 760 and 0 <= float(y) <= 220
    cells = [text_of(cell) for cell in page.iter("td")]
    assert any(cell.startswith("<script>alert(1)</script>: a & b \"c\" 'd' \u00fc") for cell in cells)
    assert failing in cells
    note = "short answers: 2 tokens on average, of 20 asked for"  # as the summary has it
    assert note in done.err and any(text_of(p).startswith(note) for p in page.iter("p"))
    # a point tells its values
    tips = [text_of(tip) for tip in charts[0].iter("title")]
    assert re.fullmatch(
        r"0:00\ndone: \d+ a minute\nfailed: \d+ a minute\nthrottled: 0 a minute\ntried again: 0 a minute", tips[0]
    )


def test_page_without_a_rate_says_so(upstream, endpoint, tmp_path):
    path = tmp_path / "report.html"
    assert run_load("-n", 3, *SHORT, "--no-stream", "--report", path, endpoint).status == 0
    text, _ = read_page(path)
    assert "No rate was given" in text
    assert "Time to first token" not in text and "Utilization" not in text


def test_page_of_nothing(upstream, endpoint, tmp_path):
    """Nothing was answered: there is a page all the same."""
    upstream.script = lambda call: call.close()
    path = tmp_path / "report.html"
    assert run_load("-n", 3, *SHORT, "--report", path, endpoint).status == 1
    text, _ = read_page(path)
    assert "closed without an answer" in text
    assert "nan" not in text.lower()


def test_both(upstream, endpoint, tmp_path):
    paths = [tmp_path / "a.html", tmp_path / "a.json"]
    paths[0].write_text("of an earlier run" * 1000)
    assert run_load("-n", 1, *SHORT, "--report", paths[0], "--report", paths[1], endpoint).status == 0
    assert "of an earlier run" not in paths[0].read_text()
    assert json.loads(paths[1].read_text())["totals"]["done"] == 1
