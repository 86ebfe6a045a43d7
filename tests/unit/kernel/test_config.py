"""Configurations: private, from files and overrides, with errors that name what is wrong."""

import pytest

from novasim import config, exceptions
from novasim.launch import wiring


def test_two_do_not_share(tmp_path):
    first = wiring.build_config(overrides={"api.listen_port": 1, "host": "a"})
    second = wiring.build_config(overrides={"DEFAULT.host": "b"})
    assert (first.api.listen_port, first.host, second.api.listen_port, second.host) == (1, "a", 8774, "b")


def test_from_a_file(tmp_path):
    path = tmp_path / "novasim.conf"
    path.write_text("[DEFAULT]\nhost = x\n[scheduler]\nmax_attempts = 5\n")
    conf = wiring.build_config(files=[str(path)])
    assert (conf.host, conf.scheduler.max_attempts) == ("x", 5)


@pytest.mark.parametrize(("overrides", "told"), [
    ({"api.listen_port": "many"}, "many"), ({"api.nonsense": 1}, "nonsense"), ({"nosuch.option": 1}, "nosuch"),
    ({"concurrency": "hope"}, "hope")])
def test_what_is_wrong_is_named(overrides, told):
    with pytest.raises(exceptions.ConfigurationError, match=told):
        wiring.build_config(overrides=overrides)


def test_a_missing_file(tmp_path):
    with pytest.raises(exceptions.ConfigurationError, match=r"none\.conf"):
        wiring.build_config(files=[str(tmp_path / "none.conf")])


@pytest.mark.spec("8.11/down-time-raised")
@pytest.mark.parametrize(("interval", "down", "after"), [(10, 60, 60), (10, 10, 25), (3, 1, 7)])
def test_down_after(interval, down, after):
    conf = wiring.build_config(overrides={"report_interval": interval, "service_down_time": down})
    assert config.down_after(conf) == after
