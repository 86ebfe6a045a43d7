"""A transaction that waited long for its turn: what it changed is older than the last look at what has changed."""

import datetime

import crowd


class OneServer:
    """Answers lists of what has changed; the first look is before the deletion's transaction ends."""

    def __init__(self):
        self._now = datetime.datetime.now(datetime.UTC)
        self._looks = 0

    def pages(self, _path, _key, query):
        self._looks += 1
        began, status = (30, "ACTIVE") if self._looks == 1 else (10, "DELETED")
        if self._now - datetime.timedelta(seconds=began) >= datetime.datetime.fromisoformat(query["changes-since"]):
            yield {"id": "one", "status": status}

    def close(self):
        pass


def test_a_crowd_sees_it_all_the_same():
    with crowd.Crowd("http://127.0.0.1:1/v2.1") as people:
        people.client.close()
        people.client = OneServer()
        people.wait(["one"], lambda server: server["status"] == "DELETED", deadline_s=10)
