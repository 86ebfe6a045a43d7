"""The ``openstack`` command: one long session at a terminal, each line with what it prints and its exit status."""

import contextlib
import json
import os
import shlex
import sys
from typing import Any, NamedTuple

import pytest
from openstackclient import shell

CLIENT = "python-openstackclient"
ACTIVE = {"status": "ACTIVE"}


class Row(NamedTuple):
    """A line: the area it is of, the command, and what its JSON has; a number is the exit status, "" no output."""
    area: str
    command: str
    expected: Any = ""


ROWS = [
    Row("identity", "token issue", {"id": str, "user_id": str, "project_id": str, "expires": str}),
    Row("identity", "catalog list", [{"Type": "identity"}, {"Type": "compute"}, {"Type": "image"}]),
    Row("identity", "versions show --service compute", [{"Version": "2.0"}, {"Version": "2.1", "Status": "CURRENT"}]),
    Row("identity", "project list", [{"Name": "admin"}]),
    Row("identity", "project create --description words team", {"name": "team", "enabled": True}),
    Row("identity", "user create --project team --password secret tess", {"name": "tess"}),
    Row("identity", "role add --project team --user tess member"),
    Row("identity", "role assignment list --project team --names", [{"Role": "member", "Project": "team@Default"}]),
    Row("identity", "application credential create --secret s3cret robot", {"Name": "robot"}),
    Row("identity", "application credential delete robot"),
    Row("images", "image list", [{"Name": "cirros"}, {"Name": "alpine"}]),
    Row("images", "image show cirros", {"status": "active"}),
    Row("flavors", "flavor list", [{"Name": "m1.tiny"}]),
    Row("flavors", "flavor show m1.tiny", {"ram": 512, "properties": {}}),
    Row("flavors", "flavor create --ram 64 --disk 1 --vcpus 1 --private --property a:b=c f1", {
        "name": "f1", "ram": 64, "os-flavor-access:is_public": False, "properties": {"a:b": "c"}}),
    Row("flavors", "flavor set --project team --property d:e=f --description words f1"),
    Row("flavors", "flavor show f1", {"access_project_ids": list, "properties": {"a:b": "c", "d:e": "f"},
                                      "description": "words"}),
    Row("flavors", "flavor unset --project team --property d:e f1"),
    Row("flavors", "flavor list --all", [{"Name": "f1", "Is Public": False}]),
    Row("flavors", "flavor delete f1"),
    Row("flavors", "flavor show f1", 1),
    Row("key pairs", "keypair create k1", 0),
    Row("key pairs", "keypair show k1", {"name": "k1", "type": "ssh", "fingerprint": str}),
    Row("key pairs", "keypair list", [{"Name": "k1"}]),
    Row("server groups", "server group create --policy anti-affinity g1", {"name": "g1", "policy": "anti-affinity"}),
    Row("server groups", "server group show g1", {"name": "g1", "members": list}),
    Row("server groups", "server group list", [{"Name": "g1"}]),
    Row("servers", "server create --image cirros --flavor m1.tiny --key-name k1 --property a=b --server-group g1 "
        "--tag t1 --description words --network private --wait one --os-compute-api-version 2.100",
        ACTIVE | {"name": "one", "key_name": "k1", "properties": {"a": "b"}, "tags": ["t1"]}),
    Row("servers", "server create --image cirros --flavor m1.tiny --nic none --min 2 --max 2 --wait many",
        lambda told: told["status"] == "ACTIVE"),
    Row("servers", "server show one", ACTIVE | {"name": "one", "addresses": dict, "tags": ["t1"]}),
    Row("servers", "server show nothing", 1),
    Row("servers", "server list", [{"Name": "one", "Status": "ACTIVE", "Image": "cirros", "Flavor": "m1.tiny"}]),
    Row("servers", "server list --long --status ACTIVE --name one", [{"Name": "one", "Host": str}]),
    Row("servers", "server list --project admin --all-projects --tags t1", [{"Name": "one"}]),
    Row("servers", "server list --limit 1 --sort-column created_at --deleted", list),
    Row("servers", "server set --name uno --property c=d --description other --tag t2 one"),
    Row("servers", "server unset --property a --tag t1 uno"),
    Row("servers", "server show uno", {"properties": {"c": "d"}, "description": "other", "tags": ["t2"]}),
    Row("servers", "server set --name one uno"),
    Row("servers", "server resize --flavor m1.small --wait one", 0),
    Row("servers", "server show one", {"status": "VERIFY_RESIZE", "flavor": {"original_name": "m1.small"}}),
    Row("servers", "server resize confirm one"),
    Row("servers", "server resize --flavor m1.medium --wait one", 0),
    Row("servers", "server resize revert one"),
    Row("servers", "server show one", {"flavor": {"original_name": "m1.small"}}),
    Row("servers", "server migrate --wait one", 0),
    Row("servers", "server migration confirm one"),
    Row("servers", "server migrate --live-migration --wait one", 0),
    Row("servers", "server migration list --server one", [{"Status": "confirmed"}, {"Type": "live-migration"}]),
    Row("servers", "server event list one", [{"Action": "create"}, {"Action": "resize"}, {"Action": "live-migration"}]),
    Row("power", "server stop one"),
    Row("power", "server start one"),
    Row("power", "server reboot --wait one", 0),
    Row("power", "server reboot --hard --wait one", 0),
    Row("power", "server pause many-1"),
    Row("power", "server unpause many-1"),
    Row("power", "server suspend many-1"),
    Row("power", "server resume many-1"),
    Row("power", "server rescue many-1"),
    Row("power", "server unrescue many-1"),
    Row("power", "server shelve --offload --wait many-1", 0),
    Row("power", "server unshelve --wait many-1", 0),
    Row("power", "server lock --reason because one"),
    Row("power", "server show one", {"locked": True, "locked_reason": "because"}),
    Row("power", "server unlock one"),
    Row("power", "server set --auto-approve --state error many-1"),
    Row("power", "server set --auto-approve --state active many-1"),
    Row("power", "server rebuild --image alpine --wait many-1", 0),
    Row("consoles", "console log show one", 0),
    Row("consoles", "console url show --novnc one", {"protocol": "vnc", "type": "novnc", "url": str}),
    Row("consoles", "server show --diagnostics one", 0),
    Row("snapshots", "server image create --name i1 --wait one", {"name": "i1", "status": "active"}),
    Row("snapshots", "server backup create --name b1 --type daily --rotate 1 --wait one", {"name": "b1"}),
    Row("snapshots", "image delete i1 b1"),
    Row("networks", "network list", [{"Name": "private"}]),
    Row("networks", "server add network many-1 private"),
    Row("networks", "port list --server many-1", [{"Status": str}]),
    Row("networks", "server remove network many-1 private"),
    Row("networks", "security group create sg1", {"name": "sg1"}),
    Row("networks", "server add security group one sg1"),
    Row("networks", "server remove security group one sg1"),
    Row("networks", "security group delete sg1"),
    Row("volumes", "server volume list one", list),
    Row("administration", "compute service list", [{"Binary": "nova-compute", "State": "up"},
                                                   {"Binary": "nova-scheduler", "Zone": "internal"}]),
    Row("administration", "compute service set --disable --disable-reason because cmp-0006 nova-compute"),
    Row("administration", "compute service list --service nova-compute --host cmp-0006 --long", [
        {"Status": "disabled", "Disabled Reason": "because"}]),
    Row("administration", "compute service set --enable cmp-0006 nova-compute"),
    Row("administration", "hypervisor list", [{"Hypervisor Hostname": "cmp-0001", "State": "up"}]),
    Row("administration", "hypervisor show cmp-0001", {"hypervisor_hostname": "cmp-0001", "state": "up"}),
    Row("administration", "hypervisor stats show", {"count": 6}),
    Row("administration", "host list", [{"Host Name": "cmp-0001", "Service": "compute"}]),
    Row("administration", "host show cmp-0001", [{"Project": "(total)"}]),
    Row("administration", "availability zone list", [{"Zone Name": "nova", "Zone Status": "available"}]),
    Row("administration", "usage list", list),
    Row("administration", "usage show --project admin", {"Project": str}),
    Row("quotas", "limits show --absolute", [{"Name": "instances", "Value": 10}]),
    Row("quotas", "quota show --compute", [{"Resource": "cores"}]),
    Row("quotas", "quota show --usage --compute", [{"Resource": "instances", "In Use": 3}]),
    Row("quotas", "quota show --default --compute", [{"Resource": "instances", "Limit": 10}]),
    Row("quotas", "quota set --cores 99 team"),
    Row("quotas", "quota show --compute team", [{"Resource": "cores", "Limit": 99}]),
    Row("quotas", "quota delete --compute team"),
    Row("aggregates", "aggregate create --zone z1 --property a=b a1", {"name": "a1", "availability_zone": "z1"}),
    Row("aggregates", "aggregate add host a1 cmp-0006", {"hosts": ["cmp-0006"]}),
    Row("aggregates", "aggregate set --name a2 --property c=d a1"),
    Row("aggregates", "aggregate show a2", {"properties": {"a": "b", "c": "d"}}),
    Row("aggregates", "aggregate list", [{"Name": "a2"}]),
    Row("aggregates", "aggregate unset --property c a2"),
    Row("aggregates", "aggregate remove host a2 cmp-0006", {"hosts": []}),
    Row("aggregates", "aggregate delete a2"),
    Row("servers", "server delete --wait one many-1"),
    Row("servers", "server delete --force many-2"),
    Row("servers", "server list --name one", lambda told: told == []),
    Row("server groups", "server group delete g1"),
    Row("key pairs", "keypair delete k1"),
    Row("identity", "user delete tess"),
    Row("identity", "project delete team"),
]


def run(cloud, command, home):
    """What the command prints, and its exit status. Each runs in a process of its own, where it is imported already."""
    out, err = home / "out", home / "err"
    if (child := os.fork()) == 0:
        status = 70
        os.environ |= {"OS_CLIENT_CONFIG_FILE": str(cloud.clouds), "OS_CLOUD": "novasim"}
        with out.open("w") as sys.stdout, err.open("w") as sys.stderr, contextlib.suppress(BaseException):
            try:
                status = shell.main(shlex.split(command))
            except SystemExit as end:
                status = end.code
        os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), out.read_text(), err.read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.command)
def test_session(cloud, row, fits, tmp_path):
    shows = not isinstance(row.expected, int) and row.expected != ""
    status, out, err = run(cloud, f"{row.command} -f json" if shows else row.command, tmp_path)
    assert status == (row.expected if isinstance(row.expected, int) else 0), err
    if shows:
        assert fits(json.loads(out), row.expected), out
    elif row.expected == "":
        assert out == ""
