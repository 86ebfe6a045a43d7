#!/usr/bin/env python3
"""Throw-away RabbitMQ, MariaDB and PostgreSQL servers.

Why this exists: the integration tests and the benchmark must meet the real servers, not stand-ins, and must
not touch those that a machine already runs. Each server here lives in a temporary folder of its own, listens
on free ports of 127.0.0.1, gives up durability for speed, and is gone without a trace when its ``with`` ends.

    with daemons.RabbitMQ() as rabbitmq, daemons.MariaDB() as mariadb:
        start_services(bus=rabbitmq.url, db=mariadb.database())

By hand, for one command or until Ctrl-C:

    tools/daemons.py --rabbitmq --mariadb -- pytest tests/integration
    tools/daemons.py --rabbitmq --postgresql

All three tell a service manager when they are ready (sd_notify); we play that manager, so nobody polls.

Enter the ``with`` blocks on the main thread: the kernel ends a server when the thread that started it ends,
which is what keeps a killed test run from leaving one behind.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid

from throwaway import HOST, Daemon, DaemonError, find, free_port


class RabbitMQ(Daemon):
    """A broker with one node, no plugin, and an epmd (Erlang's port mapper) of its own."""

    name = "rabbitmq"

    def __init__(self, deadline_s=60):
        """Choose free ports for AMQP, for the port mapper and for Erlang's own traffic."""
        super().__init__(deadline_s)
        self._mapper_port = free_port()
        self._erlang_port = free_port()

    @property
    def url(self):
        """The ``transport_url`` of this broker."""
        return f"rabbit://guest:guest@{HOST}:{self.port}/"

    def prepare(self):
        """Write the configuration and start the port mapper, which would outlive us as a daemon otherwise."""
        (self.home / "plugins").write_text("[].\n")
        (self.home / "rabbitmq.conf").write_text(
            "vm_memory_high_watermark.absolute = 1GB\ndisk_free_limit.absolute = 10MB\n"
        )
        self.spawn([find("epmd", "erlang-base"), "-port", str(self._mapper_port), "-address", HOST])

    def command(self):
        """Run Debian's script below its wrapper: the wrapper wants the account ``rabbitmq``."""
        return [find("rabbitmq-server", "rabbitmq-server")]

    def environment(self):
        """Keep every path and port of the node to this server."""
        return {
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq"),
            "RABBITMQ_DIST_PORT": str(self._erlang_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "plugins"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_MNESIA_BASE": str(self.home / "mnesia"),
            "RABBITMQ_NODENAME": f"{self.home.name}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            # Without +sbwt none an idle Erlang spins for a while before it sleeps, and its CPU time lies.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
        }

    def bus(self):
        """Make an empty virtual host and return its ``transport_url``: queues of its own for each cluster."""
        name = f"novasim_{uuid.uuid4().hex[:12]}"
        for command in (["add_vhost", name], ["set_permissions", "-p", name, "guest", ".*", ".*", ".*"]):
            self.run([find("rabbitmqctl", "rabbitmq-server"), "--quiet", *command])
        return self.url + name

    def queues(self, url=None):
        """Return a dict a queue of the bus at ``url``: name, type, messages_ready and _unacknowledged, consumers."""
        return self._list(url, "queues", "name", "type", "messages_ready", "messages_unacknowledged", "consumers")

    def connections(self, url=None):
        """Return a dict a connection to the bus at ``url``: pid, and client_properties."""
        return self._list(url, "connections", "pid", "vhost", "client_properties")

    def _list(self, url, what, *columns):
        host = (url or "").removeprefix(self.url) or "/"
        command = [find("rabbitmqctl", "rabbitmq-server"), "--quiet", "--formatter", "json", f"list_{what}"]
        rows = json.loads(self.run([*command, *(["-p", host] if what == "queues" else []), *columns]))
        return [row for row in rows if row.get("vhost", host) == host]

    def break_connections(self, url):
        """Close all connections to the bus at ``url`` from this end, as a broker that restarts does."""
        control = [find("rabbitmqctl", "rabbitmq-server"), "--quiet", "close_all_connections"]
        self.run([*control, "-p", url.removeprefix(self.url), "broken by a test"])

    def left_messages(self, url=None):
        """Return {queue: messages} for the queues that still hold a message, delivered or not."""
        counts = {q["name"]: q["messages_ready"] + q["messages_unacknowledged"] for q in self.queues(url)}
        return {name: count for name, count in counts.items() if count}


class Database(Daemon):
    """What the two database servers share: a fresh, empty database for whoever asks."""

    account_url = ""
    first_database = ""
    create = ""

    def database(self):
        """Create an empty database and return its SQLAlchemy URL, for an account that may do everything."""
        import sqlalchemy

        name = f"novasim_{uuid.uuid4().hex[:12]}"
        engine = sqlalchemy.create_engine(self.url(self.first_database), poolclass=sqlalchemy.NullPool)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(self.create.format(name=name))
        return self.url(name)

    def url(self, database):
        """Return the SQLAlchemy URL of ``database``."""
        return self.account_url.format(host=HOST, port=self.port, database=database)


class MariaDB(Database):
    """A MariaDB server without networking beyond loopback, binary log or flushes to disk."""

    name = "mariadb"
    stop_signal = signal.SIGKILL
    """Nobody will read these files again, so there is nothing to write out at the end."""
    account_url = "mysql+pymysql://root@{host}:{port}/{database}?charset=utf8mb4"
    first_database = "mysql"
    create = "CREATE DATABASE {name} CHARACTER SET utf8mb4"

    def prepare(self):
        """Create the system tables."""
        install = find("mariadb-install-db", "mariadb-server")
        self.run([install, *self._options(), "--auth-root-authentication-method=normal", "--skip-test-db"])

    def command(self):
        """Run the server in the foreground."""
        return [
            find("mariadbd", "mariadb-server"),
            *self._options(),
            f"--bind-address={HOST}",
            f"--port={self.port}",
            f"--socket={self.home / 'socket'}",
            f"--pid-file={self.home / 'pid'}",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=128M",
            "--innodb-flush-log-at-trx-commit=0",
            "--max-connections=500",
            "--performance-schema=OFF",
            "--skip-name-resolve",
        ]

    def _options(self):
        options = ["--no-defaults", f"--datadir={self.home / 'data'}", "--innodb-doublewrite=0"]
        options += ["--innodb-flush-method=nosync", "--skip-log-bin"]
        return [*options, "--user=root"] if os.geteuid() == 0 else options


class PostgreSQL(Database):
    """A PostgreSQL server that never waits for a disk."""

    name = "postgresql"
    account = "postgres"
    stop_signal = signal.SIGQUIT
    """The server's word for 'stop at once, children too': nobody will read these files again."""
    account_url = "postgresql+psycopg2://novasim@{host}:{port}/{database}"
    first_database = "postgres"
    create = "CREATE DATABASE {name} ENCODING 'UTF8'"

    def prepare(self):
        """Create the system tables."""
        initdb = find("initdb", "postgresql")
        choices = ["--auth=trust", "--username=novasim", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        self.run([initdb, "-D", str(self.home / "data"), *choices])

    def command(self):
        """Run the server in the foreground."""
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 300,
            "shared_buffers": "64MB",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        command = [find("postgres", "postgresql"), "-D", str(self.home / "data")]
        return command + [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]


def main():
    """Run a command, or wait for Ctrl-C, with the chosen servers up."""
    parser = argparse.ArgumentParser(description="Run a command with throw-away servers on 127.0.0.1.")
    parser.add_argument("--rabbitmq", action="store_true", help="export NOVASIM_TEST_BUS_URL")
    databases = parser.add_mutually_exclusive_group()
    for server in (MariaDB, PostgreSQL):
        databases.add_argument(
            f"--{server.name}",
            dest="db",
            action="store_const",
            const=server,
            help="export NOVASIM_TEST_DB_URL",
        )
    parser.add_argument("command", nargs="*", metavar="-- COMMAND", help="default: wait for Ctrl-C")
    args = parser.parse_args()
    if not args.rabbitmq and args.db is None:
        parser.error("choose at least one of --rabbitmq, --mariadb, --postgresql")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with contextlib.ExitStack() as stack:
            return _serve(stack, args)
    except DaemonError as problem:
        print(f"daemons: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _serve(stack, args):
    urls = {}
    if args.rabbitmq:
        urls["NOVASIM_TEST_BUS_URL"] = stack.enter_context(RabbitMQ()).url
    if args.db:
        urls["NOVASIM_TEST_DB_URL"] = stack.enter_context(args.db()).database()
    for name, url in urls.items():
        print(f"export {name}='{url}'", file=sys.stderr)
    if args.command:
        return subprocess.run(args.command, env={**os.environ, **urls}, check=False).returncode
    print("Ctrl-C stops them.", file=sys.stderr)
    signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
