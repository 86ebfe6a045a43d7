"""The context on the wire."""

from novasim.context import RequestContext, admin_context


def test_it_travels_whole_but_for_where_it_was_sent():
    context = RequestContext(user_id="u", project_id="p", is_admin=True, roles=("a",), addressed_host="cmp-1")
    back = RequestContext.from_dict(context.to_dict() | {"tenant": "p", "traceparent": "x"})
    assert (back.request_id, back.user_id, back.roles, back.addressed_host) == (context.request_id, "u", ("a",), None)


def test_rights():
    assert not RequestContext(user_id="u").is_admin
    assert admin_context().is_admin
    assert admin_context("req-1").request_id == "req-1"
    assert admin_context().request_id.startswith("req-")
