"""What a user installs is what stands here: the wheel holds all of the product, nothing else, and works elsewhere."""

import os
import pathlib
import subprocess
import sys
import sysconfig
import zipfile

import pytest

pytestmark = pytest.mark.xdist_group("packaging")


@pytest.fixture(scope="session")
def wheel(root, tmp_path_factory):
    """The wheel, built from the source distribution as an index would get it; never from a stale build/ folder."""
    out = tmp_path_factory.mktemp("dist")
    # Offline and without isolation: setuptools is one of the declared dependencies of the tests.
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--offline", "--no-build-isolation"]
    done = subprocess.run([*build, "--out-dir", out, root], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def elsewhere(wheel, tmp_path_factory):
    """The bin folder of a new environment with our wheel in it.

    It sees what is installed here through a .pth file, so that only the wheel itself need be installed. Its own
    packages come first, and the .pth files of this environment (an editable install among them) are not read.
    """
    home = tmp_path_factory.mktemp("elsewhere")
    uv = [sys.executable, "-m", "uv", "--offline", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, home / "venv"], check=True)
    subprocess.run([*uv, "pip", "install", "--python", home / "venv", "--no-deps", wheel], check=True)
    packages = next((home / "venv").glob("lib/python3*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "venv" / "bin"


def run(bin_folder, program, *arguments):
    """Run a program of the new environment far from the repository; return its exit code and what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("NOVASIM_", "OS_", "PYTHON"))}
    command = [bin_folder / program, *arguments]
    done = subprocess.run(
        command, cwd=bin_folder.parent, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def scripts(setup_cfg):
    """The console scripts that setup.cfg declares."""
    lines = setup_cfg["options.entry_points"]["console_scripts"].strip().splitlines()
    return [line.partition("=")[0].strip() for line in lines]


def packaged(files, package_folders):
    """Each file of the product: its package, the one with the innermost folder, and its path within."""
    inside_out = sorted(package_folders.items(), key=lambda item: -len(item[1]))
    for path in files:
        package, folder = next((item for item in inside_out if path.startswith(f"{item[1]}/")), (None, ""))
        if package:
            yield package, path.removeprefix(f"{folder}/")


def test_every_package_is_declared(root, files, setup_cfg, package_folders):
    declared = set(setup_cfg["options"]["packages"].split())
    found = {".".join([package, *pathlib.PurePath(path).parts[:-1]])
             for package, path in packaged(files, package_folders) if path.endswith("__init__.py")}
    assert declared == found
    assert all((root / folder).is_dir() for folder in package_folders.values())


def test_every_folder_with_code_is_a_package(product, files):
    folders = {source.path.rpartition("/")[0] for source in product}
    assert [folder for folder in sorted(folders) if f"{folder}/__init__.py" not in files] == []


def test_the_wheel_is_all_of_the_product_and_nothing_else(wheel, files, package_folders):
    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {f"{package.replace('.', '/')}/{path}" for package, path in packaged(files, package_folders)}
    assert in_wheel == expected


def test_the_installed_product_runs_the_demo(elsewhere):
    code, printed = run(elsewhere, "novasim", "demo")
    assert code == 0, printed


def test_every_command_answers_to_help(elsewhere, setup_cfg):
    answers = {name: run(elsewhere, name, "--help") for name in scripts(setup_cfg)}
    assert {name: printed for name, (code, printed) in answers.items() if code or "usage" not in printed.lower()} == {}


def test_the_new_environment_runs_the_wheel(elsewhere):
    code, printed = run(elsewhere, "python", "-c", "import novasim.launch; print(novasim.launch.__file__)")
    assert code == 0, printed
    assert printed.startswith(str(elsewhere.parent)), printed
