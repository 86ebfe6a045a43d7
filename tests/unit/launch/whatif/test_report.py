import csv
import html.parser
import io
import json
import re

import pytest

from novasim.launch.whatif import charts, report, run


@pytest.fixture(scope="module")
def results(make_policy, make_arrivals):
    servers = make_arrivals(*((second, second + 30 if second % 3 else None, kind) for second in range(40)
                              for kind in ("small", "large")))
    return [run.play(make_policy(f"<{name}>", ram_weight_multiplier=sign), servers, 3, "medium", 1)
            for name, sign in (("spread", 1.0), ("pack", -1.0))]


class Page(html.parser.HTMLParser):
    """Cells of the tables by the id of what they stand in, and everything that could reach out."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.within, self.cell, self.reaching, self.open = {}, None, False, [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in ("meta", "rect", "line", "polyline"):
            self.open.append(tag)
        self.within = given.get("id", self.within)
        self.reaching += [(tag, name) for name in given if name in ("src", "href", "action", "xlink:href", "data")]
        self.reaching += [tag] if tag in ("link", "iframe", "object", "img", "base") else []
        if tag == "tr":
            self.rows.setdefault(self.within, []).append([])
        self.cell = tag in ("td", "th")
        if self.cell:
            self.rows[self.within][-1].append("")

    def handle_endtag(self, tag):
        if tag not in ("rect", "line", "polyline"):
            assert self.open.pop() == tag
        self.cell = False

    def handle_data(self, text):
        if self.cell:
            self.rows[self.within][-1][-1] += text


def test_the_page_shows_what_the_csv_says(results):
    lines = list(csv.reader(io.StringIO(report.as_csv(results))))
    page = Page(report.as_page(results, {"seed": 1}))
    assert page.rows["lines"] == lines
    last = {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[1:]}
    header, *rows = page.rows["rejected"]
    assert header == ["flavor", "asked", "<spread>", "<pack>"]
    assert [[row[0], *row[2:]] for row in rows] == [
        [flavor, *(last[policy][f"rejected_{flavor}"] for policy in header[2:])] for flavor in ("large", "small")]
    shown = {row[0]: row[1:] for row in page.rows["summary"]}
    assert shown["rejected"] == [last[policy]["rejected"] for policy in header[2:]] != ["0", "0"]
    assert shown["hosts_used_most"] == [
        str(max(int(line[lines[0].index("hosts_used")]) for line in lines[1:] if line[0] == policy))
        for policy in header[2:]]


def test_the_curves_are_those_numbers(results):
    text = report.as_page(results, {})
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert data["times"] == [one.time_s for one in results[0].samples]
    assert data["series"][0] == {one.policy: [sample.hosts_used for sample in one.samples] for one in results}
    assert text.count("<polyline") == len(report.CURVES) * 2


def test_the_page_needs_nothing_but_itself(results):
    text = report.as_page(results, {"trace": "</script><img src=x>"})
    assert Page(text).reaching == []
    assert re.findall(r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttp", text) == []
    assert "default-src 'none'" in text


def test_decision_times_stand_apart(results):
    assert set(report.timing(results[0])) == {"mean", "p50", "p95", "p99"}
    assert results[0].decision_ns.min() > 0
    assert "decision" not in report.as_csv(results) + report.as_page(results, {})


def test_a_curve_goes_from_corner_to_corner():
    svg = charts.curves("a < b", [100, 200, 300], {"p": [0, 5, 10]})
    assert 'points="0.0,200.0 320.0,100.0 640.0,0.0"' in svg
    assert "a &lt; b" in svg
    assert "0 to 10, over 3.3 minutes" in svg


def test_a_curve_of_nothing_lies_on_the_floor():
    assert 'points="0.0,200.0"' in charts.curves("none", [7], {"p": [0]})
