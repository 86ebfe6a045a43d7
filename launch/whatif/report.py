"""The runs of all policies side by side: a CSV for programs, and a page that needs nothing but itself.

Both depend on the arguments alone. How long decisions took is written elsewhere: it is never the same twice.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from html import escape
from importlib import resources
from string import Template
from typing import Any

import numpy as np

from novasim.launch.whatif import charts
from novasim.launch.whatif.run import Result, Sample

# The last field, a list, is spread over columns of its own.
COLUMNS = [field.name for field in fields(Sample)][:-1]
CURVES = {
    "hosts_used": "Hosts in use", "rejected": "Servers rejected so far", "running": "Servers running",
    "largest_memory_mb": "Largest flavor that still finds a host (MB of memory)",
    "memory_imbalance": "Imbalance of memory (standard deviation of the hosts' use)",
    "vcpu_imbalance": "Imbalance of vCPUs (standard deviation of the hosts' use)"}


def _text(value: Any) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def as_csv(results: Sequence[Result]) -> str:
    """A line for each policy and sample; the last of a policy is its end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["policy", *COLUMNS, *(f"rejected_{flavor}" for flavor in results[0].flavors)])
    for result in results:
        for sample in result.samples:
            *plain, rejected_of = astuple(sample)
            writer.writerow([result.policy, *map(_text, plain), *rejected_of])
    return out.getvalue()


def summary(result: Result) -> dict[str, Any]:
    """What a policy came to: how it ended, the most hosts it used at a time, and the means of what goes up and down."""
    samples, last = result.samples, result.samples[-1]
    worst = min(samples, key=lambda sample: sample.largest_memory_mb)

    def mean(name: str) -> float:
        return float(np.mean([getattr(sample, name) for sample in samples]))

    return {"servers": last.arrived, "rejected": last.rejected,
            "rejected_percent": round(100 * last.rejected / last.arrived, 3),
            "hosts_used_most": max(sample.hosts_used for sample in samples),
            "hosts_used_mean": round(mean("hosts_used"), 1),
            "largest_flavor_at_worst": worst.largest_flavor or "none",
            "memory_imbalance_mean": round(mean("memory_imbalance"), 4),
            "vcpu_imbalance_mean": round(mean("vcpu_imbalance"), 4),
            "rejected_by": ", ".join(f"{count} {name}" for name, count in result.reasons.items()) or "-"}


def timing(result: Result) -> dict[str, float]:
    """CPU time of decisions, in ms."""
    ms = result.decision_ns / 1e6
    return {"mean": round(float(ms.mean()), 4)} | {
        f"p{part}": round(float(np.percentile(ms, part)), 4) for part in (50, 95, 99)}


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"


def _rejected(results: Sequence[Result]) -> str:
    rows = [[flavor, results[0].asked_of[at], *(result.samples[-1].rejected_of[at] for result in results)]
            for at, flavor in enumerate(results[0].flavors)]
    return _table(["flavor", "asked", *(result.policy for result in results)], rows)


def as_page(results: Sequence[Result], facts: Mapping[str, Any]) -> str:
    """The page: what was asked, the summary, the curves, rejections by flavor, and the lines of the CSV.

    :param facts: what the runs had in common, name to value
    """
    policies = [result.policy for result in results]
    summaries = [summary(result) for result in results]
    times = [sample.time_s for sample in results[0].samples]
    series = {name: {result.policy: [round(getattr(sample, name), 6) for sample in result.samples]
                     for result in results} for name in CURVES}
    legend = " ".join(f'<b style="color:{charts.color(at)}">{escape(name)}</b>' for at, name in enumerate(policies))
    # Neither "</script>" nor "<!--" may stand in a script.
    data = json.dumps({"times": times, "series": list(series.values())}, separators=(",", ":")).replace("<", "\\u003c")
    lines = list(csv.reader(io.StringIO(as_csv(results))))
    template = Template((resources.files(__package__) / "page.html").read_text())
    return template.substitute(
        facts=_table(list(facts), [list(facts.values())]), legend=legend, data=data,
        summary=_table(["", *policies], [[name, *(one[name] for one in summaries)] for name in summaries[0]]),
        curves="\n".join(charts.curves(title, times, series[name]) for name, title in CURVES.items()),
        rejected=_rejected(results), lines=_table(lines[0], lines[1:]))
