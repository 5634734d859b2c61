"""What a client finds of its writes when the server is killed or stands still,
and when the link fails at the worst moment."""

import grpc
import pytest
from api import pb
from client import Client, expect_error
from fault_proxy import FaultProxy
from grpc import StatusCode

KNOWN = pb.GetOutcomeResponse.DONE
NOT_APPLIED = pb.GetOutcomeResponse.NOT_APPLIED


def increment(key, write):
    return {"key": key, "delta": 1, "initial": 0, "idempotency_key": write}


def stamp_of(client):
    return [("latchkey-stamp",
             client.trailers_of("Get", key=b"k",
                                metadata=[("latchkey-stamp", "?")]
                                )["latchkey-stamp"])]


def test_a_retry_after_a_kill_is_refused_not_applied_anew(start_server, keys):
    killed = start_server()
    request = increment(keys("n"), b"write-1")
    with FaultProxy(killed.address) as proxy, Client(proxy.address) as client:
        stamp = stamp_of(client)
        client.Increment(**request, metadata=stamp)
        killed.kill()
        assert not killed.running()
        restarted = start_server()
        proxy.target(restarted.address)
        with Client(proxy.address) as after:
            with expect_error(StatusCode.FAILED_PRECONDITION,
                              "INCARNATION_CHANGED", applied="unknown"):
                after.Increment(**request, metadata=stamp)
            assert not after.Get(key=keys("n")).HasField("entry")


def test_a_write_to_a_frozen_server_has_one_outcome(server, cache, keys):
    request = increment(keys("n"), b"frozen-1")
    with Client(server.address) as client:
        cache.Get(key=keys("n"))
        server.freeze()
        with pytest.raises(grpc.RpcError) as raised:
            client.Increment(**request, timeout=0.2)
        assert raised.value.code() == StatusCode.DEADLINE_EXCEEDED
        server.thaw()
    # The copy may have been applied, or not; the fence settles it.
    outcome = cache.GetOutcome(idempotency_key=b"frozen-1", fence=True)
    assert outcome.state in (KNOWN, NOT_APPLIED)
    if outcome.state == KNOWN:
        assert cache.Get(key=keys("n")).entry.value == b"1"
        assert cache.trailers_of("Increment",
                                 **request)["latchkey-replayed"] == "1"
    else:
        with expect_error(StatusCode.FAILED_PRECONDITION,
                          "IDEMPOTENCY_KEY_FENCED", applied="no"):
            cache.Increment(**request)
        assert not cache.Get(key=keys("n")).HasField("entry")


def test_a_reply_lost_after_the_write_is_replayed(server, cache, keys):
    request = increment(keys("n"), b"lost-1")
    with FaultProxy(server.address) as proxy, Client(proxy.address) as client:
        proxy.lose_replies(1)
        with pytest.raises(grpc.RpcError) as raised:
            client.Increment(**request)
        assert raised.value.code() == StatusCode.UNAVAILABLE
        assert proxy.counters()["replies-lost"] == 1
        assert cache.Get(key=keys("n")).entry.value == b"1"
        assert client.trailers_of("Increment",
                                  **request)["latchkey-replayed"] == "1"
        assert client.Increment(**request).value == 1


def test_a_doubled_connection_writes_once(server, cache, keys):
    with FaultProxy(server.address) as proxy:
        proxy.mirror("all")
        with Client(proxy.address) as client:
            for number in range(100):
                client.Increment(**increment(keys("n"), b"twice-%d" % number))
        counters = proxy.wait_for(lambda counts: counts["mirrors-open"] == 0)
        assert counters["mirrored"] == 1
        assert counters["mirrors-cut"] == 0
    assert cache.Get(key=keys("n")).entry.value == b"100"
    # The copies did arrive: without a key each counts.
    with FaultProxy(server.address) as proxy:
        proxy.mirror("all")
        with Client(proxy.address) as client:
            client.Increment(key=keys("m"), delta=1, initial=0)
        proxy.wait_for(lambda counts: counts["mirrors-open"] == 0)
    assert cache.Get(key=keys("m")).entry.value == b"2"
