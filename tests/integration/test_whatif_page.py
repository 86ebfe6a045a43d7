"""The page of a what-if in a real browser, without a network: it shows what the CSV says, also under the pointer."""

import csv
import html.parser
import io
import random
import re
import subprocess

import pytest

from novasim.cli import main
from novasim.launch.whatif.report import CURVES

# The pointer goes to a third of each curve.
POINT = """<script>
for (const svg of document.querySelectorAll("figure svg")) {
  const box = svg.getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + box.width / 3, clientY: box.top + 9}));
}
</script></body>"""


class Shown(html.parser.HTMLParser):
    """What a browser made of the page: rows of tables by the id of what they stand in, and what was said of curves."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.within, self.tag, self.said = {}, None, "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tag, self.within = tag, dict(attributes).get("id", self.within)
        if tag == "tr":
            self.rows.setdefault(self.within, []).append([])
        elif tag in ("td", "th"):
            self.rows[self.within][-1].append("")
        elif tag == "output":
            self.said.append("")

    def handle_endtag(self, tag):
        self.tag = ""

    def handle_data(self, text):
        if self.tag in ("td", "th"):
            self.rows[self.within][-1][-1] += text
        elif self.tag == "output":
            self.said[-1] += text


def in_browser(page, folder):
    """The document after its scripts ran."""
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", "--no-first-run",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120)
    return Shown(done.stdout)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The page as a browser shows it, and the lines of the CSV."""
    folder = tmp_path_factory.mktemp("whatif")
    draw, trace = random.Random(3), folder / "trace.csv"
    flavors = "big <b>,16,65536,100", "little,1,2048,10"
    trace.write_text("arrival_s,end_s,flavor,vcpus,memory_mb,disk_gb\n" + "".join(
        f"{second},{second + draw.randrange(400)},{draw.choice(flavors)}\n" for second in range(600)))
    out = io.StringIO()
    assert main.Shell(stdout=out, stderr=out).run([
        "whatif", "run", "--trace", str(trace), "--hosts", "6", "--profile", "medium", "--policy", "spread", "--policy",
        "pack", "--out", str(folder)]) == 0, out.getvalue()
    page = folder / "whatif.html"
    page.write_text(page.read_text().replace("</body>", POINT))
    with (folder / "whatif.csv").open() as lines:
        return in_browser(page, folder / "browser"), list(csv.reader(lines))


def test_the_tables_are_those_of_the_csv(result):
    shown, lines = result
    assert shown.rows["lines"] == lines
    last = {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[1:]}
    header, *rows = shown.rows["rejected"]
    assert header[2:] == ["spread", "pack"]
    assert {row[0]: row[2:] for row in rows} == {
        flavor: [last[policy][f"rejected_{flavor}"] for policy in header[2:]] for flavor in ("big <b>", "little")}
    assert 0 < int(last["spread"]["rejected"]) != int(last["pack"]["rejected"]) > 0


def test_the_pointer_tells_the_numbers_of_that_moment(result):
    shown, lines = result
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert len(shown.said) == len(CURVES)
    for name, said in zip(CURVES, shown.said, strict=True):
        when, spread, pack = re.fullmatch(r"at (\d+) s: spread ([\d.,]+), pack ([\d.,]+)", said).groups()
        assert int(when) == pytest.approx(200, abs=5)
        for policy, number in (("spread", spread), ("pack", pack)):
            [row] = [row for row in rows if (row["policy"], row["time_s"]) == (policy, when)]
            # A browser shows three digits behind the point.
            assert float(number.replace(",", "")) == pytest.approx(float(row[name]), abs=0.0006)
