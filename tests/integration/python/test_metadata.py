"""Call metadata, in and out."""

import pytest

TIMING = "latchkey-server-us"


@pytest.mark.parametrize("method, fields", [
    ("Get", {"key": b"missing"}),
    ("Put", {"key": b""}),
    ("Get", {"key": b"missing", "lease": {"ttl": {"nanos": 1000}}}),
    ("BatchGet", {"keys": [b"missing"] * 100}),
], ids=["OK", "bad input", "lease", "bulk lane"])
def test_timing_is_told_where_asked(cache, method, fields):
    asked = cache.trailers_of(method, metadata=[("latchkey-timing", "1")],
                              **fields)
    # Microseconds, of a call that took less than its 30 s.
    assert 0 <= int(asked[TIMING]) < 30_000_000
    assert TIMING not in cache.trailers_of(method, **fields)
    assert TIMING not in cache.trailers_of(
        method, metadata=[("latchkey-timing", "0")], **fields)


def test_metadata_that_means_nothing_to_the_server_is_ignored(cache, keys):
    cache.Put(key=keys("a"), value=b"1", metadata=[
        ("traceparent", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
        ("grpc-previous-rpc-attempts", "3"), ("authorization", "Bearer x"),
        ("x-anything", "y" * 1000), ("x-bytes-bin", b"\x00\xff")])
    assert cache.Get(key=keys("a")).entry.value == b"1"


def test_an_answer_announces_no_replay(cache, keys):
    trailers = cache.trailers_of("Put", key=keys("a"), value=b"1")
    assert "latchkey-replayed" not in trailers
    assert "grpc-retry-pushback-ms" not in trailers
