"""What the contract has and this release does not serve yet says so; bad input
to it is refused first, see test_bad_input.py."""

import pytest
from client import SERVICE, WRITES, expect_error, read_error
from conftest import value_of
from grpc import RpcError, StatusCode

LEASE = {"ttl": {"seconds": 5}}


@pytest.mark.parametrize("method, request_of", [
    ("Get", lambda k: {"key": k("a"), "lease": LEASE}),
    ("Get", lambda k: {"key": k("a"), "lease": {**LEASE, "wait": True}}),
    ("Put", lambda k: {"key": k("a"), "value": value_of("two"),
                       "lease_token": b"t"}),
])
def test_not_served_yet(cache, keys, method, request_of):
    before = cache.Put(key=keys("a"), value=value_of("one"))
    with expect_error(StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED") as error:
        cache.call(method, **request_of(keys))
    assert error.metadata["feature"]
    if method in WRITES:
        assert error.metadata["applied"] == "no"
    assert cache.Get(key=keys("a")).entry.version == before.version
    assert not cache.Get(key=keys("b")).HasField("entry")


@pytest.mark.parametrize("path", [
    f"/{SERVICE}/NoSuchMethod", "/latchkey.v1.NoSuchService/Get",
    f"/{SERVICE}/get", f"/{SERVICE}", "/", "/" + "long" * 1000,
], ids=["method", "service", "case", "no method", "root", "long"])
def test_an_unknown_method(cache, path):
    with pytest.raises(RpcError) as raised:
        cache.channel.unary_unary(path)(b"", timeout=30)
    assert read_error(raised.value).code == StatusCode.UNIMPLEMENTED
