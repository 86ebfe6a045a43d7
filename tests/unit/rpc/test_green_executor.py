"""What hands messages to greenthreads: a few at once, the others wait, and nobody who sends does."""

import eventlet
from eventlet.event import Event

from novasim.rpc.green_executor import GreenExecutor


def test_more_than_it_works_on_wait_for_their_turn():
    executor, gate, begun, done = GreenExecutor(2), Event(), [], []

    def work(number):
        begun.append(number)
        gate.wait()
        done.append(number)

    for number in range(5):
        executor.submit(work, number)
    assert begun == []
    eventlet.sleep(0)
    assert begun == [0, 1]
    gate.send()
    for _ in range(5):
        eventlet.sleep(0)
    assert sorted(done) == begun == [0, 1, 2, 3, 4]
    executor.shutdown(wait=True)
