"""The program: its table of commands, help, version, one-line errors, formats and exit codes."""

import importlib
import json
import subprocess
import sys

import pytest
import yaml

from novasim.cli import main


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_can_be_loaded_and_explains_itself(novasim, name):
    code, out, err = novasim("help", name)
    assert (code, err) == (0, "")
    assert f"usage: novasim {name}" in out
    module, _colon, kind = main.COMMANDS[name].partition(":")
    assert getattr(importlib.import_module(f"novasim.cli.{module}"), kind).__doc__


def test_help_lists_all_commands(novasim):
    code, out, _err = novasim("help")
    assert code == 0
    assert all(f"  {name}" in out for name in main.COMMANDS)
    assert "Could not" not in out


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_no_command_shows_help(novasim, arguments):
    code, out, _err = novasim(*arguments)
    assert code == 0
    assert "Commands" in out


def test_help_option_after_a_command(novasim):
    code, out, _err = novasim("resize", "--help")
    assert code == 0
    assert "FLAVOR" in out


def test_version(novasim):
    from importlib.metadata import version

    assert novasim("--version") == (0, f"novasim {version('novasim')}\n", "")


@pytest.mark.parametrize(("arguments", "text"), [
    (("bot",), "'bot' is no command. Did you mean boot or reboot?"),
    (("zzzzzz",), "'zzzzzz' is no command. Type: novasim help"),
    (("--endpoint", "http://h/"), "no command was given. Type: novasim help"),
    (("--endpoint",), "argument --endpoint: expected one argument. Type: novasim help"),
    (("boot", "x"), "boot: the following arguments are required: --flavor, --image. Type: novasim help boot"),
    (("list", "--limit", "x"), "list: argument --limit: invalid int value: 'x'. Type: novasim help list"),
    (("list", "--nonsense"), "list: unrecognized arguments: --nonsense. Type: novasim help list"),
    (("up", "--hosts", "0"), "up: argument --hosts: 0 is less than 1. Type: novasim help up"),
    (("boot", "--meta", "novalue", "x"), "boot: argument --meta: 'novalue' is not of the form key=value. "
                                         "Type: novasim help boot"),
    (("help", "nonsense"), "'nonsense' is no command. Type: novasim help"),
])
def test_wrong_usage_is_one_line_and_exit_code_2(novasim, arguments, text):
    assert novasim(*arguments) == (2, "", f"novasim: {text}\n")


def test_help_of_an_ambiguous_name_lists_the_candidates(novasim):
    code, out, _err = novasim("help", "flavor")
    assert code == 0
    assert "flavor-create" in out


def test_nothing_listens(novasim):
    code, out, err = novasim("--endpoint", "http://127.0.0.1:1/v2.1", "list")
    assert (code, out) == (1, "")
    assert err == "novasim: no cluster answers at http://127.0.0.1:1/v2.1. Start one with: novasim up\n"


def test_api_error_is_one_line(novasim, api, request_id):
    api.on("GET", "/os-services", (403, {"forbidden": {"code": 403, "message": "Policy doesn't\nallow it."}}))
    assert novasim("service-list") == (1, "", f"novasim: Policy doesn't allow it. (HTTP 403, {request_id})\n")


def test_unexpected_error_is_one_line_and_debug_shows_the_traceback(novasim, api):
    api.on("GET", "/os-services", {"unexpected": 1})
    code, _out, err = novasim("service-list")
    assert (code, err) == (1, "novasim: unexpected KeyError: 'services'. Add --debug to see where\n")
    code, _out, err = novasim("service-list", "--debug")
    assert code == 1
    assert "Traceback" in err
    assert "/os-services -> 200" in err


def test_wire_log_goes_to_the_file(novasim, api, tmp_path):
    api.on("GET", "/os-services", {"services": []})
    code, _out, err = novasim("--log-file", str(tmp_path / "wire.log"), "service-list")
    assert (code, err) == (0, "")
    assert "GET /v2.1/os-services -> 200" in (tmp_path / "wire.log").read_text()


SERVICE = {"id": 1, "binary": "nova-compute", "host": "cmp-1", "zone": "nova", "status": "enabled",
           "state": "up", "updated_at": "2026-01-01T00:00:00.000000", "disabled_reason": None}


def test_list_formats(novasim, api):
    api.on("GET", "/os-services", {"services": [SERVICE]})
    columns = ("-c", "Binary", "-c", "host")
    assert "| nova-compute | cmp-1 |" in novasim("service-list", *columns)[1]
    assert json.loads(novasim("service-list", "-f", "json", *columns)[1]) == [
        {"Binary": "nova-compute", "Host": "cmp-1"}]
    assert yaml.safe_load(novasim("service-list", "-f", "yaml", *columns)[1]) == [
        {"Binary": "nova-compute", "Host": "cmp-1"}]
    lines = novasim("service-list", "-f", "csv", *columns)[1].split()
    assert lines == ['"Binary","Host"', '"nova-compute","cmp-1"']


def test_show_formats(novasim, nova):
    columns = ("-c", "name", "-c", "metadata")
    assert "| name     | demo" in novasim("show", "demo", *columns)[1]
    assert json.loads(novasim("show", "demo", "-f", "json", *columns)[1]) == {"name": "demo", "metadata": {}}
    out = novasim("show", "demo", "-f", "yaml", *columns)[1]
    assert yaml.safe_load(out) == {"name": "demo", "metadata": {}}
    assert novasim("show", "demo", "-f", "csv", *columns)[1].splitlines() == ["metadata,name", "{},demo"]


def test_unknown_column_is_named(novasim, nova):
    code, _out, err = novasim("show", "demo", "-c", "colour")
    assert code == 2
    assert err.startswith("novasim: no column is called colour. There are: ")


def test_interrupt_is_exit_code_130(monkeypatch):
    def interrupted(_self, _argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(main.Shell, "run", interrupted)
    assert main.main(["list"]) == 130


def test_a_call_imports_no_more_than_it_needs():
    program = ("import sys; from novasim.cli import main; main.main(['help', 'list']);"
               "print(sorted({'rich', 'cmd2', 'eventlet', 'yaml', 'novasim.cli.replay'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_reader_that_goes_away_is_no_error(api):
    api.on("GET", "/os-services", {"services": [SERVICE] * 20000})
    program = "import sys; from novasim.cli import main; sys.exit(main.main(sys.argv[1:]))"
    with subprocess.Popen([sys.executable, "-c", program, "--endpoint", api.endpoint, "service-list"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()
    assert (process.returncode, error) == (141, b"")
