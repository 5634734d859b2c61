"""Any write may carry an idempotency key: however often it is sent, it takes
effect once, and every copy gets the first one's answer."""

import concurrent.futures
import contextlib
import itertools

import grpc
import pytest
from api import pb
from client import WRITES, Client, expect_error
from conftest import value_of
from grpc import StatusCode
from test_bad_input import WRITE_REQUESTS

DONE = pb.GetOutcomeResponse.DONE
UNKNOWN = pb.GetOutcomeResponse.UNKNOWN
NOT_APPLIED = pb.GetOutcomeResponse.NOT_APPLIED

_ids = itertools.count(1)


@pytest.fixture(name="new_id")
def fixture_new_id():
    """Idempotency keys that were never used before."""
    return lambda: b"python-%d" % next(_ids)


def stamp_of(cache):
    """The server's present stamp."""
    return cache.trailers_of("Get", key=b"k",
                             metadata=[("latchkey-stamp", "?")]
                             )["latchkey-stamp"]


def wait_a_second(client, stamp):
    """Until the server says that a second has gone by since `stamp`."""
    while int(stamp_of(client).split("-")[1]) <= int(stamp.split("-")[1]):
        pass


@pytest.mark.parametrize("method", sorted(WRITES))
def test_a_copy_changes_nothing_and_gets_the_same_answer(cache, keys, new_id,
                                                         method):
    cache.Put(key=keys("a"), value=b"10")
    # The destination of a Transfer; a Move must not find one.
    if method == "Transfer":
        cache.Put(key=keys("b"), value=b"0")
    request = {**WRITE_REQUESTS[method](keys), "idempotency_key": new_id()}
    if method == "Touch":
        request["expiration"] = {"ttl": {"seconds": 60}}
    first = cache.call(method, **request)
    state = cache.BatchGet(keys=[keys("a"), keys("b"), keys("n")], atomic=True)
    trailers = cache.trailers_of(method, **request)
    assert trailers["latchkey-replayed"] == "1"
    assert trailers["latchkey-stamp"]
    again = cache.call(method, **request)
    assert again.SerializeToString(deterministic=True) == (
        first.SerializeToString(deterministic=True))
    assert cache.BatchGet(keys=[keys("a"), keys("b"), keys("n")],
                          atomic=True).results == state.results

    outcome = cache.GetOutcome(idempotency_key=request["idempotency_key"])
    assert outcome.state == DONE
    assert outcome.method == f"/latchkey.v1.Cache/{method}"
    assert type(first).FromString(outcome.response) == first
    assert outcome.HasField("complete_time")


def test_an_error_is_replayed_too(cache, keys, new_id):
    request = {"source_key": keys("a"), "destination_key": keys("b"),
               "idempotency_key": new_id()}
    with expect_error(StatusCode.NOT_FOUND, "KEY_NOT_FOUND", applied="no"):
        cache.Move(**request)
    cache.Put(key=keys("a"), value=value_of("one"))
    with expect_error(StatusCode.NOT_FOUND, "KEY_NOT_FOUND", applied="no"):
        cache.Move(**request)
    assert cache.trailers_of("Move", **request)["latchkey-replayed"] == "1"
    assert cache.Get(key=keys("a")).HasField("entry")
    outcome = cache.GetOutcome(idempotency_key=request["idempotency_key"])
    assert (outcome.state, outcome.code) == (DONE,
                                             StatusCode.NOT_FOUND.value[0])


def test_copies_at_once_on_many_connections_count_once(server, keys, new_id):
    """Hedged and doubled sends: of 8 copies of each write, one counts."""
    writes = [new_id() for _ in range(100)]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server.address))
                   for _ in range(8)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:

            def send_all(client):
                return [client.Increment(key=keys("n"), delta=1, initial=0,
                                         idempotency_key=write)
                        for write in writes]

            answers = list(pool.map(send_all, clients))
        total = clients[0].Get(key=keys("n")).entry.value
    assert total == b"100"
    for copies in zip(*answers):
        assert len({copy.SerializeToString() for copy in copies}) == 1


def test_a_key_with_another_payload(cache, keys, new_id):
    write = new_id()
    cache.Put(key=keys("a"), value=value_of("one"), idempotency_key=write)
    for method, request in (
            ("Put", {"key": keys("a"), "value": value_of("two")}),
            ("Put", {"key": keys("b"), "value": value_of("one")}),
            ("Delete", {"key": keys("a")})):
        with expect_error(StatusCode.FAILED_PRECONDITION,
                          "IDEMPOTENCY_KEY_REUSED", applied="no"):
            cache.call(method, **request, idempotency_key=write)
    assert cache.Get(key=keys("a")).entry.value == value_of("one")


def test_a_full_ledger(start_server, keys, new_id):
    server = start_server("--idempotency-bytes-max=65536")
    with Client(server.address) as client:
        accepted = 0
        with expect_error(StatusCode.RESOURCE_EXHAUSTED,
                          "IDEMPOTENCY_LEDGER_FULL", applied="no"):
            for accepted in range(5000):
                client.Increment(key=keys("n"), delta=1, initial=0,
                                 idempotency_key=new_id())
        # What was accepted is there, what was refused is not; writes without a
        # key go on.
        assert accepted > 100
        assert client.Get(key=keys("n")).entry.value == b"%d" % accepted
        client.Put(key=keys("a"), value=value_of("one"))


def test_a_late_stamp(start_server, keys, new_id):
    """The record of a write is gone after the window, and its copy is refused
    instead of applied anew."""
    server = start_server("--idempotency-window-seconds=1")
    with Client(server.address) as client:
        stamp = stamp_of(client)
        wait_a_second(client, stamp)
        with expect_error(StatusCode.FAILED_PRECONDITION,
                          "IDEMPOTENCY_KEY_EXPIRED", applied="unknown"):
            client.Put(key=keys("a"), value=value_of("one"),
                       idempotency_key=new_id(),
                       metadata=[("latchkey-stamp", stamp)])
        assert not client.Get(key=keys("a")).HasField("entry")


def test_the_outcome_of_a_forgotten_write(start_server, keys, new_id):
    """Where the record of a write that was applied is gone, nobody is told
    that it was not."""
    server = start_server("--idempotency-window-seconds=1")
    with Client(server.address) as client:
        write = new_id()
        stamp = [("latchkey-stamp", stamp_of(client))]
        client.Put(key=keys("a"), value=value_of("one"), idempotency_key=write,
                   metadata=stamp)
        wait_a_second(client, stamp[0][1])
        # As long as the record lives, it is told.
        while True:
            try:
                outcome = client.GetOutcome(idempotency_key=write, fence=True,
                                            metadata=stamp)
            except grpc.RpcError:
                break
            assert outcome.state == DONE
        with expect_error(StatusCode.FAILED_PRECONDITION,
                          "IDEMPOTENCY_KEY_EXPIRED", applied="unknown"):
            client.GetOutcome(idempotency_key=write, fence=True,
                              metadata=stamp)
        # Nothing was fenced.
        assert client.GetOutcome(idempotency_key=write).state == UNKNOWN
        assert client.Get(key=keys("a")).entry.value == value_of("one")


def test_the_outcome_of_a_write_of_an_earlier_life(start_server, new_id):
    with Client(start_server().address) as client:
        stamp = [("latchkey-stamp", stamp_of(client))]
    with Client(start_server().address) as client:
        write = new_id()
        with expect_error(StatusCode.FAILED_PRECONDITION,
                          "INCARNATION_CHANGED", applied="unknown"):
            client.GetOutcome(idempotency_key=write, fence=True,
                              metadata=stamp)
        assert client.GetOutcome(idempotency_key=write).state == UNKNOWN


def test_a_stamp_of_an_earlier_life(start_server, keys, new_id):
    with Client(start_server().address) as client:
        stamp = stamp_of(client)
    with Client(start_server().address) as client:
        with expect_error(StatusCode.FAILED_PRECONDITION,
                          "INCARNATION_CHANGED", applied="unknown"):
            client.Put(key=keys("a"), value=value_of("one"),
                       idempotency_key=new_id(),
                       metadata=[("latchkey-stamp", stamp)])
        assert not client.Get(key=keys("a")).HasField("entry")


def test_a_stamp_that_is_none(cache, keys, new_id):
    with expect_error(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
                      applied="no") as error:
        cache.Put(key=keys("a"), value=value_of("one"),
                  idempotency_key=new_id(),
                  metadata=[("latchkey-stamp", "yesterday")])
    assert error.fields == ["latchkey-stamp"]


def test_a_fence(cache, keys, new_id):
    write = new_id()
    assert cache.GetOutcome(idempotency_key=write).state == UNKNOWN
    fenced = cache.GetOutcome(idempotency_key=write, fence=True)
    assert fenced.state == NOT_APPLIED
    with expect_error(StatusCode.FAILED_PRECONDITION,
                      "IDEMPOTENCY_KEY_FENCED", applied="no"):
        cache.Put(key=keys("a"), value=value_of("one"), idempotency_key=write)
    assert not cache.Get(key=keys("a")).HasField("entry")
    assert cache.GetOutcome(idempotency_key=write).state == NOT_APPLIED
