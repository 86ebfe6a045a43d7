"""A compute API made of canned answers, on a real socket, and a way to run the program against it."""

import http.server
import io
import json
import threading
import urllib.parse

import pytest

from novasim.cli import main, process

SERVER_ID = "6e3a7c3e-1111-4222-8333-944444444444"
IMAGE_ID = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
REQUEST_ID = "req-0b0c7ad8-1111-4222-8333-944444444444"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_args):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        parts = urllib.parse.urlsplit(self.path)
        request = {"method": self.command, "path": urllib.parse.unquote(parts.path),
                   "query": urllib.parse.parse_qs(parts.query),
                   "headers": self.headers, "body": json.loads(raw) if raw else None}
        status, headers, body = self.server.api.find(request)
        text = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"x-compute-request-id": REQUEST_ID, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = answer


class FakeApi:
    """Answers what on() has told it to; keeps the requests that came, in order."""

    def __init__(self):
        self.requests = []
        self._answers = {}
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.api = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}/v2.1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def on(self, method, path, *answers):
        """Answer requests for `path` (below /v2.1, or /network/...) with `answers` in turn, the last one for
        ever.

        An answer is a body, (status, body), (status, body, headers), or a function of the request giving one.
        """
        self._answers[method, path if path.startswith("/network/") else f"/v2.1{path}"] = list(answers)

    def find(self, request):
        with self._lock:
            self.requests.append(request)
            left = self._answers.get((request["method"], request["path"]))
            if left is None:
                text = f"{request['method']} {request['path']} is unknown"
                return 404, {}, {"itemNotFound": {"code": 404, "message": text}}
            answer = left.pop(0) if len(left) > 1 else left[0]
        if callable(answer):
            answer = answer(request)
        if not isinstance(answer, tuple):
            answer = (200, answer)
        status, body, headers = (*answer, {})[:3]
        return status, headers, body

    def sent(self, method, path):
        """The bodies of the requests that came for `path`."""
        return [request["body"] for request in self.requests
                if (request["method"], request["path"]) == (method, f"/v2.1{path}")]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    """No variable of the caller's shell and no cluster of the caller's folder can be seen."""
    import os

    for name in list(os.environ):
        if name.startswith(("OS_", "NOVASIM_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def api():
    fake = FakeApi()
    yield fake
    fake.close()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def novasim(request):
    """Run the program as `novasim(*arguments)`; returns exit code, stdout, stderr.

    Where the test has an `api`, that is the endpoint.
    """
    def run(*arguments, stderr=None):
        out, err = io.StringIO(), stderr or io.StringIO()
        if "api" in request.fixturenames:
            arguments = ("--endpoint", request.getfixturevalue("api").endpoint, *arguments)
        code = main.Shell(stdout=out, stderr=err).run(list(arguments))
        return code, out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def terminal():
    return Terminal()


def a_server(**fields):
    """A server as the API shows it, with the fields that matter here."""
    server = {"id": SERVER_ID, "name": "demo", "status": "ACTIVE",
              "flavor": {"id": "2", "links": []},
              "image": {"id": IMAGE_ID, "links": []},
              "links": [], "metadata": {},
              "OS-EXT-STS:task_state": None, "OS-EXT-STS:vm_state": "active", "OS-EXT-STS:power_state": 1,
              "OS-EXT-SRV-ATTR:host": "cmp-1", "progress": 0}
    return server | {ALIAS.get(name, name): value for name, value in fields.items()}


ALIAS = {"task": "OS-EXT-STS:task_state", "host": "OS-EXT-SRV-ATTR:host", "power": "OS-EXT-STS:power_state"}
SIZES = (("2", "m1.small", 2048, 20, 1), ("3", "m1.medium", 4096, 40, 2))
FLAVORS = [{"id": number, "name": name, "ram": ram, "disk": disk, "vcpus": vcpus, "swap": "",
            "rxtx_factor": 1.0, "OS-FLV-EXT-DATA:ephemeral": 0, "os-flavor-access:is_public": True,
            "links": []}
           for number, name, ram, disk, vcpus in SIZES]


@pytest.fixture
def nova(api):
    """The api with two flavors and one server called demo."""
    api.on("GET", "/flavors/detail", {"flavors": FLAVORS})
    api.on("GET", "/flavors", {"flavors": [{"id": one["id"], "name": one["name"]} for one in FLAVORS]})
    for one in FLAVORS:
        api.on("GET", f"/flavors/{one['id']}", {"flavor": one})
        api.on("GET", f"/flavors/{one['id']}/os-extra_specs", {"extra_specs": {}})
    api.on("GET", "/images", {"images": [{"id": IMAGE_ID, "name": "cirros"}]})
    api.on("GET", "/servers/detail", {"servers": [a_server()]})
    api.on("GET", f"/servers/{SERVER_ID}", {"server": a_server()})
    api.on("POST", f"/servers/{SERVER_ID}/action", (202, None))
    api.on("GET", "/", {"version": {"id": "v2.1", "version": "2.96", "min_version": "2.1"}})
    return api


@pytest.fixture
def server_of():
    return a_server


@pytest.fixture
def server_id():
    return SERVER_ID


@pytest.fixture
def request_id():
    return REQUEST_ID


STAND_IN = '''
import json, os, signal, sys
mode, home = os.environ["STAND_IN"], sys.argv[sys.argv.index("--state-dir") + 1]
record = {"endpoint": "http://127.0.0.1:1/v2.1", "pid": os.getpid(), "argv": sys.argv[1:]}
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
if mode == "error":
    print(json.dumps({"error": "port 1 is taken. Choose another with --port"}))
    sys.exit(1)
if mode == "crash":
    sys.exit("Traceback\\nBoom: it broke")
if mode == "orphan":
    import subprocess
    record["orphan"] = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL).pid
if mode != "slow":
    with open(os.path.join(home, "cluster.json"), "w") as file:
        json.dump(record, file)
    print(json.dumps(record), flush=True)
signal.sigwait([signal.SIGTERM])
if mode == "bad-end":
    sys.exit(3)
if mode == "orphan":
    sys.exit(0)
if mode == "stubborn":
    signal.sigwait([signal.SIGUSR1])
'''


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Make process.launch() start the stand-in; call with how it is to behave."""
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(process, "ENTRY", "stand_in")
    return lambda mode: monkeypatch.setenv("STAND_IN", mode)


class FakeNova:
    """Servers that move on a step at each look, with a journal; enough to play a whole tour or replay against.

    :param hosts: their names; a move takes the next one
    :param slots: how many servers there is room for
    """

    def __init__(self, api, hosts=("cmp-1", "cmp-2", "cmp-3"), slots=1000):
        self.api, self.hosts, self.slots = api, hosts, slots
        self.servers = {}
        self.history = []
        self.flavors = {one["id"]: one for one in FLAVORS}
        self.full_for_resize = set()
        self.why_moves_fail = "No valid host was found. Full."
        self.broken = {}
        self.lock = threading.Lock()
        api.find = self.find

    def find(self, request):
        with self.lock:
            path = request["path"].removeprefix("/v2.1").strip("/").split("/")
            how = getattr(self, f"{request['method'].lower()}_{path[0].replace('-', '_')}")
            status, body = how(path[1:], request)
            return status, {"x-compute-request-id": f"req-{len(self.history)}"}, body

    def get_flavors(self, path, _request):
        if path and path[0] != "detail":
            flavor = self.flavors.get(path[0])
            return (200, {"flavor": flavor}) if flavor else self.refuse(404, "no such flavor")
        return 200, {"flavors": list(self.flavors.values())}

    def post_flavors(self, _path, request):
        flavor = request["body"]["flavor"]
        if flavor["id"] in self.flavors:
            return self.refuse(409, "there already")
        self.flavors[flavor["id"]] = flavor
        return 200, {"flavor": flavor}

    def put_os_quota_sets(self, path, request):
        self.history.append(("quota", path[0], request["body"]))
        return 200, {"quota_set": {}}

    def get_images(self, _path, _request):
        return 200, {"images": [{"id": IMAGE_ID, "name": "cirros"}]}

    def get_os_simulator(self, _path, request):
        number = int(request["query"]["request_id"][0].removeprefix("req-"))
        verb = self.history[number - 1][0]
        names = {"confirmResize": ["confirm_resize"],
                 "revertResize": ["revert_resize", "finish_revert_resize"]}
        ends = {"confirmResize": "confirmed", "revertResize": "reverted"}
        moved = ["migrate_server", "select_destinations", "prep_resize", "resize_instance", "finish_resize"]
        return 200, {"hops": [{"time": f"2026-01-01T00:00:00.00{number}000+00:00", "service": "compute",
                               "host": "cmp-1", "what": name, "method": name, "vm_state": "active",
                               "migration_status": ends.get(verb, "finished")}
                              for number, name in enumerate(names.get(verb, moved))]}

    def get_(self, _path, _request):
        return 200, {"version": {"id": "v2.1", "version": "2.96", "min_version": "2.1"}}

    def get_servers(self, path, _request):
        if path[1:2] == ["os-instance-actions"]:
            return 200, {"instanceAction": {"message": "Error", "events": [
                {"event": "cold_migrate", "result": "Error", "details": self.why_moves_fail}]}}
        if not path or path[0] == "detail":
            return 200, {"servers": list(self.servers.values())}
        server = self.servers.get(path[0]) if len(path) == 1 else None
        if server is None or server.pop("gone", False):
            self.servers.pop(path[0], None)
            return self.refuse(404, "no such server")
        shown = dict(server)
        if server.get("next"):
            server.update(server["next"].pop(0))
        return 200, {"server": shown}

    def post_servers(self, path, request):
        if len(path) == 2:
            return self.act(path[0], *next(iter(request["body"].items())))
        wanted = request["body"]["server"]
        server_id = f"id-{wanted['name']}"
        self.history.append(("create", wanted["name"]))
        end = {"status": "ACTIVE", "OS-EXT-STS:task_state": None}
        if sum(one["status"] != "ERROR" for one in self.servers.values()) >= self.slots:
            end = {"status": "ERROR", "fault": {"message": "No valid host was found. Full."},
                   "OS-EXT-STS:task_state": None}
        self.servers[server_id] = a_server(id=server_id, name=wanted["name"], status="BUILD", task="spawning",
                                           flavor={"id": wanted["flavorRef"]}, host=self.hosts[0]) | {
            "next": [end]} | self.broken.pop(f"create {wanted['name']}", {})
        return 202, {"server": {"id": server_id}}

    def act(self, server_id, verb, value):
        server = self.servers[server_id]
        self.history.append((verb, server["name"]))
        if f"{verb} {server['name']}" in self.broken:
            return self.refuse(*self.broken.pop(f"{verb} {server['name']}"))
        rest = {"OS-EXT-STS:task_state": None}
        if verb in ("resize", "migrate"):
            server["home"] = {key: server[key] for key in (ALIAS["host"], "flavor")}
            host = self.hosts[(self.hosts.index(server[ALIAS["host"]]) + 1) % len(self.hosts)]
            flavor = {"id": value["flavorRef"]} if value else server["flavor"]
            end = rest | {"status": "VERIFY_RESIZE", "OS-EXT-SRV-ATTR:host": host, "flavor": flavor}
            if server["name"] in self.full_for_resize:
                end = rest | {"status": "ACTIVE"}
            server.update({"status": "RESIZE", "OS-EXT-STS:task_state": "resize_prep", "next": [end]})
        elif verb == "confirmResize":
            server["next"] = [rest | {"status": "ACTIVE"}]
        elif verb == "revertResize":
            server.update({"status": "REVERT_RESIZE", "OS-EXT-STS:task_state": "resize_reverting",
                           "next": [rest | server["home"] | {"status": "ACTIVE"}]})
        return 202, None

    def delete_servers(self, path, _request):
        name = self.servers[path[0]]["name"]
        self.history.append(("delete", name))
        if f"delete {name}" in self.broken:
            return self.refuse(*self.broken.pop(f"delete {name}"))
        self.servers[path[0]].update({"OS-EXT-STS:task_state": "deleting", "next": [{"gone": True}]})
        return 204, None

    def refuse(self, code, message):
        return code, {"fault": {"code": code, "message": message}}


@pytest.fixture
def fake_nova(api):
    return FakeNova(api)
