"""Calls of what the contract does not have."""

import pytest
from client import SERVICE, read_error
from grpc import RpcError, StatusCode


@pytest.mark.parametrize("path", [
    f"/{SERVICE}/NoSuchMethod", "/latchkey.v1.NoSuchService/Get",
    f"/{SERVICE}/get", f"/{SERVICE}", "/", "/" + "long" * 1000,
], ids=["method", "service", "case", "no method", "root", "long"])
def test_an_unknown_method(cache, path):
    with pytest.raises(RpcError) as raised:
        cache.channel.unary_unary(path)(b"", timeout=30)
    assert read_error(raised.value).code == StatusCode.UNIMPLEMENTED
