"""The throw-away servers are real, belong to one run alone, and leave nothing behind."""

import os
import pathlib
import signal
import subprocess
import sys

import daemons
import kombu
import processes
import pytest
import sqlalchemy
import throwaway

SERVERS = [daemons.RabbitMQ, daemons.MariaDB, daemons.PostgreSQL]
TOOL = pathlib.Path(daemons.__file__)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_leaves_nothing_behind(server):
    with server() as running:
        home, family = running.home, running.running()
        assert family
        assert home.is_dir()
    assert not home.exists()
    assert processes.await_end(family, 0)
    assert not processes.marked(f"{throwaway.MARK}={home}")


@pytest.mark.parametrize("server", SERVERS)
def test_a_failed_start_says_why_and_leaves_nothing_behind(server, monkeypatch):
    monkeypatch.setattr(server, "command", lambda self: ["sh", "-c", "echo out of luck; exit 3"])
    failing = server()
    with pytest.raises(daemons.DaemonError, match="(?s)ended while it started.*out of luck"), failing:
        pytest.fail("it cannot have started")
    assert not failing.home.exists()
    assert not failing.running()


def test_a_server_that_is_not_installed_is_named():
    with pytest.raises(daemons.DaemonError, match="no-such-server is not installed.*apt-get install the-package"):
        daemons.find("no-such-server", "the-package")


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_databases_are_fresh_and_speak_all_of_unicode(kind, request):
    server = request.getfixturevalue(kind)
    first, second = server.database(), server.database()
    assert first != second
    for url in (first, second):
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE words (word VARCHAR(10))")
            connection.execute(sqlalchemy.text("INSERT INTO words VALUES (:word)"), {"word": "käse 🧀"})
            assert connection.exec_driver_sql("SELECT word FROM words").all() == [("käse 🧀",)]
        engine.dispose()


def test_a_message_that_nobody_takes_is_seen(rabbitmq):
    with kombu.Connection(rabbitmq.url.replace("rabbit://", "amqp://")) as connection:
        channel = connection.channel()
        queue = kombu.Queue("left", channel=channel)
        queue.declare()
        # On one channel the broker sees the question after the message.
        kombu.Producer(channel).publish("hello", routing_key="left")
        assert queue.get(no_ack=False).payload == "hello"
        assert rabbitmq.left_messages() == {"left": 1}
        queue.delete()
    assert "left" not in rabbitmq.left_messages()


def test_a_command_gets_the_urls_and_its_exit_code_is_ours(tmp_path):
    script = 'echo "$NOVASIM_TEST_DB_URL" > url; exit 7'
    command = [sys.executable, TOOL, "--postgresql", "--", "sh", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert (tmp_path / "url").read_text().startswith("postgresql+psycopg2://")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_servers_end_with_whoever_started_them(end, tmp_path):
    tool = subprocess.Popen(
        [sys.executable, TOOL, "--mariadb"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "mysql+pymysql://" in tool.stderr.readline()
    servers = processes.descendants([tool.pid])
    assert servers
    tool.send_signal(end)
    tool.communicate()
    assert processes.await_end(servers, 10)
    # A tool that was killed cannot tidy up its folder.
    assert bool(list(tmp_path.iterdir())) is (end == signal.SIGKILL)
