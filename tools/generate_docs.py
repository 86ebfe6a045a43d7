#!/usr/bin/env python3
"""Writes the pages that say what the code says, so that nobody keeps them by hand; each is made in a file of pages/."""

from __future__ import annotations

import argparse
import functools
import pathlib
import sys
from collections.abc import Callable, Sequence

from novasim.launch import seam

seam.choose(seam.THREADING)

from pages import configuration, conformance, coverage, policy_rules, rest, rpc, states  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES: dict[str, Callable[[], str]] = {
    "etc/novasim/novasim.conf.sample": configuration.page,
    "etc/novasim/policy.yaml.sample": policy_rules.page,
    "doc/rpc.md": rpc.page,
    "doc/states.md": states.page,
    "doc/rest.md": functools.partial(rest.page, "compute"),
    **{f"doc/rest-{service}.md": functools.partial(rest.page, service) for service in ("identity", "image", "network")},
    "doc/coverage.md": functools.partial(coverage.page, ROOT),
    "doc/conformance.md": functools.partial(conformance.page, ROOT),
}


def stale(root: pathlib.Path) -> dict[str, str]:
    """The pages that are not what the code says, with what they should be."""
    return {path: text for path, text in ((path, make()) for path, make in PAGES.items())
            if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text}


def main(argv: Sequence[str]) -> int:
    """Write what is stale, or with --check say it; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated pages, or see that they are fresh.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name each page that is stale")
    check = parser.parse_args(argv).check
    found = stale(ROOT)
    for path, text in found.items():
        if not check:
            (ROOT / path).write_text(text, encoding="utf-8")
        print(f"{path} is stale" if check else f"{path} written")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
