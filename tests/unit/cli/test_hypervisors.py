"""Hypervisors: the list with what is used, and one of them by host name."""

import json

ROW = {"id": 7, "hypervisor_hostname": "cmp-7", "state": "up", "status": "enabled", "running_vms": 2,
       "vcpus": 16, "vcpus_used": 3, "memory_mb": 65536, "memory_mb_used": 6144, "local_gb": 2048,
       "local_gb_used": 60}


def test_list(novasim, api):
    api.on("GET", "/os-hypervisors/detail", {"hypervisors": [ROW]})
    shown = json.loads(novasim("hypervisor-list", "-f", "json")[1])[0]
    assert (shown["Hypervisor Hostname"], shown["VCPUs Used"], shown["VCPUs"]) == ("cmp-7", 3, 16)


def test_show(novasim, api):
    api.on("GET", "/os-hypervisors/detail", {"hypervisors": [ROW]})
    assert json.loads(novasim("hypervisor-show", "cmp-7", "-f", "json")[1])["id"] == 7
    code, _out, err = novasim("hypervisor-show", "cmp-8")
    assert (code, err) == (1, "novasim: there is no hypervisor 'cmp-8'. See: novasim hypervisor-list\n")
