"""A server that is full: what it evicts, what it refuses, and what it takes."""

from client import Client, expect_error
from conftest import value_of
from grpc import StatusCode
from metrics import scrape
from server_process import SANITIZED

LIMIT = 16 * 1024 * 1024
VALUE_BYTES = [1, 100, 4_000, 100_000, 1024 * 1024]


def test_more_than_fits_is_evicted_and_resident_memory_is_bounded(
        start_server, keys):
    server = start_server("--threads=1", f"--memory-max-bytes={LIMIT}")
    offered = 0
    written = {}
    with Client(server.address) as client:
        while offered < 5 * LIMIT:
            number = len(written)
            size = VALUE_BYTES[number % len(VALUE_BYTES)]
            key, value = keys(number), value_of(str(number), size)
            client.Put(key=key, value=value)
            written[key] = value
            offered += len(value)
            # Reads and deletes go on, and what is there is right.
            other = keys(number // 2)
            got = client.Get(key=other)
            if got.HasField("entry"):
                assert got.entry.value == written[other]
            client.Delete(key=keys(number // 3))
        assert client.Get(key=key).entry.value == value
    metrics = scrape(server)
    assert metrics.value("latchkey_memory_max_bytes") == LIMIT
    assert metrics.value("latchkey_memory_used_bytes") <= LIMIT
    assert metrics.value("latchkey_evicted_keys_total") > 0
    assert metrics.value("latchkey_memory_refusals_total") == 0
    if not SANITIZED:
        assert metrics.value("process_resident_memory_bytes") <= (
            1.1 * LIMIT + 64 * 1024 * 1024)


def test_without_eviction_a_full_server_refuses(start_server, keys):
    server = start_server("--threads=1", f"--memory-max-bytes={LIMIT}",
                          "--eviction=none")
    large = value_of("large", 1024 * 1024)
    with Client(server.address) as client:
        for number in range(14):
            client.Put(key=keys(number), value=large)
        for request in ({}, {"idempotency_key": b"refused"}):
            with expect_error(StatusCode.RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                              applied="no"):
                for number in range(14, 17):
                    client.Put(key=keys(number), value=large, **request)
        assert client.Get(key=keys(0)).entry.value == large
        assert client.Delete(key=keys(0)).deleted
        client.Put(key=keys("after"), value=large)
    metrics = scrape(server)
    assert metrics.value("latchkey_evicted_keys_total") == 0
    assert metrics.value("latchkey_memory_refusals_total") > 0
