"""Leases: of many callers that miss a key, one asks the origin, and the others
wait for what it finds without a thread of the server.

The server of most tests is fresh: its metrics are those of the test alone.
"""

import contextlib

import grpc
import pytest
from client import CALL_SECONDS, Client, expect_error, read_error
from conftest import value_of
from grpc import StatusCode
from metrics import scrape, wait_for

# Longer than any test; shorter where a test waits for its end.
LONG = {"seconds": 3600}
SHORT = {"nanos": 200_000_000}

CONNECTIONS = 100
CALLERS = 1_000


def lease_of(answer):
    """The token that an answer grants, or None."""
    return answer.lease.token or None


def waiting(server):
    return scrape(server).value("latchkey_lease_waiting")


def ask(client, key, ttl=LONG, timeout=CALL_SECONDS):
    """The future of a Get that waits."""
    return client.start("Get", key=key, lease={"ttl": ttl, "wait": True},
                        timeout=timeout)


@contextlib.contextmanager
def many_callers(server):
    """Clients of their own connections; a caller of each in turn."""
    with contextlib.ExitStack() as ends:
        clients = [ends.enter_context(Client(server.address))
                   for _ in range(CONNECTIONS)]
        yield [clients[i % CONNECTIONS] for i in range(CALLERS)]


def test_one_is_granted_the_lease_and_fills_the_key(cache, keys):
    key = keys("a")
    first = cache.Get(key=key, lease={"ttl": LONG})
    assert lease_of(first)
    assert first.lease.ttl.seconds == LONG["seconds"]
    assert not first.HasField("entry") and not first.lease.held_by_other
    second = cache.Get(key=key, lease={"ttl": LONG})
    assert second.lease.held_by_other and not lease_of(second)
    # It stands in nobody's way.
    assert not cache.Get(key=key).HasField("entry")
    put = cache.Put(key=key, value=value_of("v"), lease_token=lease_of(first))
    hit = cache.Get(key=key, lease={"ttl": LONG})
    assert hit.entry.version == put.version and not hit.HasField("lease")
    with expect_error(StatusCode.ABORTED, "LEASE_LOST", applied="no"):
        cache.Put(key=key, value=value_of("w"), lease_token=lease_of(first))
    assert cache.Get(key=key).entry.version == put.version


def test_a_thousand_callers_ask_the_origin_once(fresh, keys):
    key = keys("a")
    with many_callers(fresh) as callers:
        futures = [ask(caller, key) for caller in callers]
        wait_for(lambda: waiting(fresh) == CALLERS - 1)
        done = [future for future in futures if future.done()]
        assert len(done) == 1
        token = lease_of(done[0].result())
        put = callers[0].Put(key=key, value=value_of("v"), lease_token=token)
        answers = [future.result() for future in futures
                   if future is not done[0]]
    assert {answer.entry.version for answer in answers} == {put.version}
    assert not any(answer.HasField("lease") for answer in answers)
    metrics = scrape(fresh)
    assert metrics.value("latchkey_lease_grants_total") == 1
    assert metrics.value("latchkey_lease_waits_total") == CALLERS - 1
    assert metrics.value("latchkey_lease_waits_ended_total",
                         outcome="filled") == CALLERS - 1
    assert metrics.value("latchkey_lease_waiting") == 0
    # A wait is a miss; that it ends with the entry is told by the counter above.
    assert metrics.value("latchkey_keyspace_misses_total") == CALLERS


def test_where_all_fail_each_gets_its_turn_in_the_order_they_came(
        fresh, client, keys):
    key = keys("a")
    client.Get(key=key, lease={"ttl": SHORT})
    futures = []
    for i in range(4):
        futures.append(ask(client, key, SHORT))
        wait_for(lambda n=i: waiting(fresh) == n + 1)
    for i, future in enumerate(futures):
        # Nobody fills: the server ends each lease in time.
        assert lease_of(future.result())
        assert not any(later.done() for later in futures[i + 2:])
    assert scrape(fresh).value("latchkey_lease_ends_total", by="time") >= 4


def test_a_delete_gives_the_lease_back(client, fresh, keys):
    key = keys("a")
    first = lease_of(client.Get(key=key, lease={"ttl": LONG}))
    future = ask(client, key)
    wait_for(lambda: waiting(fresh) == 1)
    assert not client.Delete(key=key).deleted
    second = lease_of(future.result())
    with expect_error(StatusCode.ABORTED, "LEASE_LOST"):
        client.Put(key=key, value=value_of("old"), lease_token=first)
    client.Put(key=key, value=value_of("new"), lease_token=second)


@pytest.mark.parametrize("method, fields", [
    ("Put", lambda key: {"key": key, "value": value_of("other")}),
    ("Increment", lambda key: {"key": key, "delta": 1, "initial": 1}),
    ("BatchPut", lambda key: {"puts": [{"key": key}]}),
    ("Transact", lambda key: {"on_success": [{"put": {"key": key}}]}),
])
def test_any_other_write_voids_the_lease_and_wakes_who_waits(
        client, fresh, keys, method, fields):
    key = keys("a")
    token = lease_of(client.Get(key=key, lease={"ttl": LONG}))
    future = ask(client, key)
    wait_for(lambda: waiting(fresh) == 1)
    client.call(method, **fields(key))
    assert future.result().entry.key == key
    with expect_error(StatusCode.ABORTED, "LEASE_LOST"):
        client.Put(key=key, value=value_of("late"), lease_token=token)


def test_a_touch_does_not_void_the_lease(cache, keys):
    key = keys("a")
    cache.Put(key=key, value=value_of("v"),
              expiration={"ttl": {"seconds": 1000}})
    token = lease_of(cache.Get(key=key, lease={"ttl": LONG,
                                               "refresh_below": LONG}))
    assert cache.Touch(key=key, expiration={"ttl": {"seconds": 900}}).touched
    cache.Put(key=key, value=value_of("w"), lease_token=token)


def test_an_entry_that_expires_soon_is_refreshed_by_one(cache, keys):
    key = keys("a")
    put = cache.Put(key=key, value=value_of("v"),
                    expiration={"ttl": {"seconds": 1000}})
    lease = {"ttl": LONG, "refresh_below": {"seconds": 500}, "wait": True}
    assert not cache.Get(key=key, lease=lease).HasField("lease")
    lease["refresh_below"] = {"seconds": 2000}
    first = cache.Get(key=key, lease=lease)
    assert lease_of(first) and first.entry.version == put.version
    # Also who would wait gets the entry at once.
    second = cache.Get(key=key, lease=lease)
    assert not second.HasField("lease")
    assert second.entry.version == put.version
    cache.Put(key=key, value=value_of("w"), lease_token=lease_of(first))


def test_a_wait_ends_with_its_deadline(client, fresh, keys):
    client.Get(key=keys("a"), lease={"ttl": LONG})
    future = ask(client, keys("a"), timeout=0.5)
    assert read_error(future.exception()).code == StatusCode.DEADLINE_EXCEEDED
    wait_for(lambda: waiting(fresh) == 0)
    metrics = scrape(fresh)
    assert metrics.value("latchkey_lease_waits_total") == 1
    assert metrics.value("latchkey_lease_waits_ended_total",
                         outcome="ended") == 1


def test_a_wait_ends_with_its_call_or_connection(fresh, client, keys):
    client.Get(key=keys("a"), lease={"ttl": LONG})
    with Client(fresh.address) as other:
        cancelled = ask(client, keys("a"))
        lost = ask(other, keys("a"))
        stays = ask(client, keys("a"))
        wait_for(lambda: waiting(fresh) == 3)
        cancelled.cancel()
        wait_for(lambda: waiting(fresh) == 2)
    assert lost.done()
    wait_for(lambda: waiting(fresh) == 1)
    client.Put(key=keys("a"), value=value_of("v"))
    assert stays.result().entry.key == keys("a")


def test_a_drain_ends_all_waits(start_server, keys):
    server = start_server("--drain-seconds=600")
    with Client(server.address) as client:
        client.Get(key=keys("a"), lease={"ttl": LONG})
        futures = [ask(client, keys("a")) for _ in range(10)]
        wait_for(lambda: waiting(server) == 10)
        server.stop()
        errors = [read_error(future.exception()) for future in futures]
    assert {(error.code, error.reason) for error in errors} == {
        (StatusCode.UNAVAILABLE, "DRAINING")}


def test_a_fill_is_exactly_once(cache, keys):
    key = keys("a")
    token = lease_of(cache.Get(key=key, lease={"ttl": LONG}))
    fill = {"key": key, "value": value_of("v"), "lease_token": token}
    first = cache.Put(idempotency_key=keys("id"), **fill)
    assert cache.Put(idempotency_key=keys("id"), **fill) == first
    # Another token is another request.
    fill["lease_token"] = b"t"
    with expect_error(StatusCode.FAILED_PRECONDITION,
                      "IDEMPOTENCY_KEY_REUSED"):
        cache.Put(idempotency_key=keys("id"), **fill)
    # A loss is an outcome too.
    for _ in range(2):
        with expect_error(StatusCode.ABORTED, "LEASE_LOST"):
            cache.Put(idempotency_key=keys("late"), **fill)
    assert "latchkey-replayed" in cache.trailers_of(
        "Put", idempotency_key=keys("late"), **fill)


def test_a_lease_of_another_server_is_void(start_server, keys):
    first, second = start_server(), start_server()
    with Client(first.address) as old, Client(second.address) as new:
        token = lease_of(old.Get(key=keys("a"), lease={"ttl": LONG}))
        new.Get(key=keys("a"), lease={"ttl": LONG})
        with expect_error(StatusCode.ABORTED, "LEASE_LOST"):
            new.Put(key=keys("a"), lease_token=token)


def test_leases_take_memory_from_the_limit(start_server, keys):
    server = start_server("--memory-max-bytes=8388608", "--eviction=none")
    with Client(server.address) as client:

        def until_memory_is_full(call, most):
            for i in range(most):
                try:
                    call(i)
                except grpc.RpcError as error:
                    assert read_error(error).reason == "OUT_OF_MEMORY"
                    return
            raise AssertionError("no end of memory")

        until_memory_is_full(lambda i: client.Put(
            key=keys(f"value {i}"), value=value_of("v", 100_000)), 100)
        until_memory_is_full(lambda i: client.Get(
            key=keys(f"lease {i}").ljust(1_000, b"."), lease={"ttl": LONG}),
                             200)
        # A hit needs no lease.
        hit = client.Get(key=keys("value 0"), lease={"ttl": LONG})
        assert hit.HasField("entry")
    metrics = scrape(server)
    assert metrics.value("latchkey_memory_bytes", kind="leases") > 10_000
    assert (metrics.value("latchkey_memory_used_bytes") <=
            metrics.value("latchkey_memory_max_bytes"))
