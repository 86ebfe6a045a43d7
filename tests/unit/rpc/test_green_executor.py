"""What hands messages to greenthreads: a few at once, the others wait, and nobody who sends does."""

import threading

from novasim.rpc.green_executor import GreenExecutor

WAIT_S = 10


def test_more_than_it_works_on_wait_for_their_turn():
    executor, gate, news, begun, done = GreenExecutor(2), threading.Event(), threading.Condition(), [], []

    def work(number):
        with news:
            begun.append(number)
            news.notify_all()
        gate.wait(WAIT_S)
        done.append(number)

    for number in range(5):
        executor.submit(work, number)
    assert begun == []
    with news:
        assert news.wait_for(lambda: len(begun) == 2, WAIT_S)
    assert done == []
    gate.set()
    executor.shutdown(wait=True)
    assert begun == sorted(done) == [0, 1, 2, 3, 4]
