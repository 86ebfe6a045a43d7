"""A front door that asks who comes: the API with the identity service built in, and its users."""

from __future__ import annotations

from typing import Any

import webob

from novasim.launch import accounts

PASSWORD = "novasim"
HOME = {"id": "default"}


def password_body(user: str, password: str = PASSWORD, **scope: Any) -> dict[str, Any]:
    """What logs a user in; ``scope`` is a part of the body of its own: project=..., domain=..., system=..."""
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {
        "user": {"name": user, "password": password, "domain": HOME}}}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


class Door:
    """A cloud of conftest.py whose users log in. Answers are those of the cloud."""

    def __init__(self, make_cloud: Any, **overrides: Any):
        self.cloud = make_cloud(**{"api.auth_strategy": "identity", "identity.password_hash_rounds": 4} | overrides)
        accounts.seed(self.cloud.conf, self.cloud.db)
        self.clock, self.db = self.cloud.clock, self.cloud.db

    def call(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Any:
        """A request below /identity/v3; names of headers have underscores."""
        return self.root(method, f"/identity/v3{path}", body, token, **headers)

    def root(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.cloud.call(method, f"@{path}", body, user=token or "", headers=named)

    def log_in(self, body: dict[str, Any], query: str = "") -> tuple[str, dict[str, Any]]:
        """The token and what was said of it."""
        answer = self.call("POST", f"/auth/tokens{query}", body)
        assert answer.status == 201, answer.text
        return answer.headers["X-Subject-Token"], answer.body["token"]

    def token(self, user: str, password: str = PASSWORD, **scope: Any) -> str:
        return self.log_in(password_body(user, password, **scope))[0]

    def ids(self, many: str, admin: str) -> dict[str, str]:
        """Ids by name."""
        return {row["name"]: row["id"] for row in self.call("GET", f"/{many}", token=admin).body[many]}

    def refused(self, answer: Any) -> bool:
        """Whether an answer says that nobody knows who asks, and no more than that."""
        return answer.status == 401 and answer.body == {"error": {
            "code": 401, "title": "Unauthorized",
            "message": "The request you have made requires authentication."}} and (
                answer.headers["WWW-Authenticate"] == 'Keystone uri="http://localhost/identity"')

    def holds(self, token: str) -> bool:
        """Whether a token opens both services; it must be both or none."""
        answers = [self.cloud.get("/servers", user=token), self.call("GET", "/auth/projects", token=token)]
        if answers[0].status == answers[1].status == 200:
            return True
        assert all(self.refused(answer) for answer in answers), [answer.text for answer in answers]
        return False

    def head(self, path: str, **headers: str) -> webob.Response:
        """A HEAD, whose answer has no body to look at."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        request = webob.Request.blank(f"/identity/v3{path}", method="HEAD", headers=named)
        return request.get_response(self.cloud.api.application)
