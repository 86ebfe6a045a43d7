"""The journal: files of several processes, one story."""

import threading

from novasim.sim import journal as journals
from novasim.sim.clock import ManualClock
from novasim.sim.journal import Journal


def test_hops_of_all_services_in_order(tmp_path):
    clock = ManualClock()
    api, compute = Journal(tmp_path, "api", clock), Journal(tmp_path, "compute", clock)
    compute.write("second", "req-1", "cmp-1", vm_state="active", task_state=None)
    clock.advance(-1)
    api.write("first", "req-1")
    api.write("other", "req-11")
    api.signed("conductor").write("third", "req-1")
    hops = journals.read(tmp_path, "req-1")
    assert [(hop["service"], hop["what"]) for hop in hops] == [
        ("api", "first"), ("conductor", "third"), ("compute", "second")]
    assert hops[2] == {"time": "2026-01-01T00:00:00.000000", "service": "compute", "host": "cmp-1", "what": "second",
                       "request_id": "req-1", "vm_state": "active"}
    assert len(journals.read(tmp_path, "req-1", limit=2)) == 2
    api.close()
    compute.close()


def test_a_line_that_is_not_finished_is_not_read(tmp_path):
    (tmp_path / "x-1.jsonl").write_text('{"request_id": "req-1", "time": "1"}\n{"request_id": "req-1", "ti')
    assert len(journals.read(tmp_path, "req-1")) == 1


def test_listeners_hear_until_they_leave():
    journal, heard = Journal(None, "api", ManualClock()), []
    leave = journal.subscribe(heard.append)
    journal.write("a", "r")
    leave()
    journal.write("b", "r")
    assert [hop["what"] for hop in heard] == ["a"]


def test_the_file_is_turned_over(tmp_path, monkeypatch):
    monkeypatch.setattr(journals, "MAX_BYTES", 1000)
    journal = Journal(tmp_path, "api", ManualClock())
    for number in range(100):
        journal.write(f"hop {number}", "r")
    journal.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2000
    assert journals.read(tmp_path, "r")[-1]["what"] == "hop 99"


def test_closing_while_others_write_harms_nobody(tmp_path):
    journal, problems, begun = Journal(tmp_path, "api", ManualClock()), [], threading.Semaphore(0)

    def write():
        begun.release()
        try:
            for _ in range(300):
                journal.write("a", "r")
        except OSError as error:
            problems.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        begun.acquire()
    journal.close()
    for thread in threads:
        thread.join()
    journal.write("late", "r")
    journal.close()
    assert problems == []


def test_files_of_dead_processes_do_not_pile_up(tmp_path):
    # No process has such a number: Linux ends at 4194304.
    for number in range(20):
        (tmp_path / f"api-{5_000_000 + number}.jsonl").touch()
        (tmp_path / f"compute-{5_000_000 + number}.jsonl").touch()
    Journal(tmp_path, "api", ManualClock()).close()
    assert len(list(tmp_path.glob("api-*"))) == 9
    assert len(list(tmp_path.glob("compute-*"))) == 20
