"""The example for authors of clients is a whole test suite of its own; here it runs as they would run it."""

import os
import pathlib
import re
import subprocess
import sys

PAGE = pathlib.Path(__file__).parents[3] / "doc" / "testing.md"


def run(folder, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("NOVASIM_", "PYTEST_"))}
    done = subprocess.run([sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *arguments],
                          cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=100, check=False)
    return done.returncode, done.stdout


def test_the_example_passes_side_by_side(tmp_path):
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "test_resizer.py").write_text(example)
    code, printed = run(tmp_path, "-n", "2")
    assert code == 0, printed
    assert f"{example.count('def test_') + 1} passed" in printed


def test_who_asks_for_no_cluster_imports_nothing_of_it(tmp_path):
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_other():\n"
        "    assert [name for name in sys.modules if name.startswith(('novasim.', 'oslo'))"
        " if name.partition('.')[2] not in ('testing', 'testing.plugin')] == []\n")
    code, printed = run(tmp_path)
    assert code == 0, printed
