"""Generated pages (the sample configuration, the RPC contracts, the state diagram) say what the code says."""

import subprocess
import sys


def test_generated_pages_are_fresh(root):
    check = [sys.executable, "tools/generate_docs.py", "--check"]
    done = subprocess.run(check, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nRun: python tools/generate_docs.py"
