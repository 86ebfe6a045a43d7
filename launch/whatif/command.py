"""The process behind ``novasim whatif``: reads what it is given on standard input, says the answer in a line of JSON.

A failure is said the same way, as ``{"error": ...}``; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from novasim import exceptions
from novasim.launch import service
from novasim.launch.whatif import arrivals, drain, grow, policies, report, run, worker

CSV, PAGE, TIMING = "whatif.csv", "whatif.html", "timing.json"


def _run(given: argparse.Namespace) -> Any:
    """Every policy in a process of its own, as many at a time as there are processors."""
    chosen = policies.read_all(given.policy)
    play = functools.partial(run.play, arrivals=arrivals.read(sys.stdin), hosts=given.hosts, profile=given.profile,
                             seed=given.seed)
    workers = min(len(chosen), os.process_cpu_count() if hasattr(os, "process_cpu_count")
                  else len(os.sched_getaffinity(0)))
    if workers == 1:
        results = [play(policy) for policy in chosen]
    else:
        # Spawned: a fork would copy the locks of whatever threads the libraries have.
        with concurrent.futures.ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"),
                                                    worker.begin) as pool:
            results = list(pool.map(play, chosen))
    facts = {"servers": results[0].samples[-1].arrived, "hosts": given.hosts, "profile": Path(given.profile).stem,
             "seed": given.seed, "trace": given.source}
    timing = {result.policy: report.timing(result) for result in results}
    _write(given.out, {CSV: report.as_csv(results), PAGE: report.as_page(results, facts),
                       TIMING: json.dumps({"decision_cpu_ms": timing}, indent=1) + "\n"})
    return {"policies": [{"policy": result.policy, **report.summary(result),
                          "decision_ms_mean": timing[result.policy]["mean"],
                          "decision_ms_p95": timing[result.policy]["p95"]} for result in results]}


def _write(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
    except OSError as error:
        raise exceptions.Invalid(f"--out: {error}. Choose another directory") from error


def _grow(given: argparse.Namespace) -> Any:
    chosen = policies.read_all(given.policy)
    mix = arrivals.read(sys.stdin)
    answers = []
    for policy in chosen:
        growth = grow.Growth(policy, mix, given.hosts, given.profile, given.rate)
        answers.append(grow.summary(policy.name, [growth.play(given.seed, one) for one in range(given.runs)]))
    return {"policies": answers}


def _drain(given: argparse.Namespace) -> Any:
    policy = (policies.read(given.policy[0], given.config_file) if given.policy
              else policies.Policy("the cluster's", {}, tuple(given.config_file)))
    return {"servers": list(drain.drain(policy, json.load(sys.stdin), given.host, given.seed))}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--policy", action="append", default=[], help="file of options, or a name from etc/policies")
    every.add_argument("--seed", type=int, default=0)
    fleet = argparse.ArgumentParser(add_help=False, parents=[every])
    fleet.add_argument("--hosts", type=int, required=True)
    fleet.add_argument("--profile", required=True)
    parser = argparse.ArgumentParser(prog="novasim-whatif", description="Ask the scheduler what it would do.")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", parents=[fleet], help="a trace of arrivals as CSV on standard input")
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--source", default="", help="where the trace is from, for the page")
    one.set_defaults(function=_run)
    one = commands.add_parser("grow", parents=[fleet], help="the same input")
    one.add_argument("--rate", type=float, required=True, help="servers an hour")
    one.add_argument("--runs", type=int, required=True)
    one.set_defaults(function=_grow)
    one = commands.add_parser("drain", parents=[every], help="facts of a cluster as JSON on standard input")
    one.add_argument("--config-file", action="append", default=[], help="of the cluster's scheduler")
    one.add_argument("host", nargs="+")
    one.set_defaults(function=_drain)
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    given = parse(argv)
    function: Callable[[argparse.Namespace], Any] = given.function
    try:
        service.say(function(given))
    except exceptions.NovasimException as error:
        service.say({"error": error.text})
        return 1
    return 0
