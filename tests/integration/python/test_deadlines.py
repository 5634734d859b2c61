"""Deadlines, cancels and clients that go away.

A call that ended early has either happened or not: what its error says of it
is true, and nothing is left half done.
"""

import threading

import grpc
import pytest
from api import VALUE_BYTES_MAX
from client import Client, read_error
from conftest import value_of
from grpc import StatusCode


def outcome(call):
    """The error of a finished call, or None."""
    try:
        call.result()
        return None
    except grpc.FutureCancelledError:
        return StatusCode.CANCELLED
    except grpc.RpcError as error:
        return error


def test_a_deadline_in_the_past_is_exceeded_and_nothing_happens(cache, keys):
    for method, fields in (("Put", {"value": value_of("one")}), ("Get", {})):
        with pytest.raises(grpc.RpcError) as raised:
            cache.call(method, key=keys("a"), timeout=-1, **fields)
        assert raised.value.code() == StatusCode.DEADLINE_EXCEEDED
    assert not cache.Get(key=keys("a")).HasField("entry")


# Deadlines on the wire are finer: see test_wire.py.  The library rounds 0 up
# to a millisecond, so that such calls may be answered.
@pytest.mark.parametrize("timeout", [0, 0.001], ids=["0", "1 ms"])
def test_with_a_short_deadline_an_answer_is_true(cache, keys, timeout):
    names = [keys(number) for number in range(300)]
    calls = {key: cache.start("Put", key=key, value=key, timeout=timeout)
             for key in names}
    errors = {key: outcome(call) for key, call in calls.items()}
    # After an answer on the same connection the calls before it have ended.
    cache.Get(key=keys("a"))

    for key, error in errors.items():
        entry = cache.Get(key=key).entry
        assert entry.value in (b"", key)
        if error is None:
            assert entry.value == key
            continue
        answer = read_error(error)
        # Without a reason it was the client's own clock that spoke; and a busy
        # server refuses what it cannot do in the time left.
        assert (answer.code, answer.reason) in {
            (StatusCode.DEADLINE_EXCEEDED, None),
            (StatusCode.DEADLINE_EXCEEDED, "EXPIRED_ON_ARRIVAL"),
            (StatusCode.DEADLINE_EXCEEDED, "EXPIRED_IN_QUEUE"),
            (StatusCode.DEADLINE_EXCEEDED, "EXPIRED_BEFORE_COMMIT"),
            (StatusCode.UNAVAILABLE, "OVERLOADED")}
        if answer.reason is not None:
            assert answer.metadata["applied"] == "no"
            assert not entry.key


@pytest.mark.parametrize("method", ["BatchGet", "Transact"])
def test_a_long_call_with_a_short_deadline_ends(cache, keys, method):
    if method == "BatchGet":
        fields = {"keys": [keys("a")] * 10_000}
    else:
        fields = {"on_success": [
            {"put": {"key": keys(number), "value": value_of("x", 10_000)}}
            for number in range(128)]}
    errors = [outcome(cache.start(method, timeout=0.001, **fields))
              for _ in range(20)]
    # A busy server refuses what it cannot do in the time left, and resets the
    # stream of an answer that has begun and is late.
    assert {error.code() for error in errors if error is not None} <= {
        StatusCode.DEADLINE_EXCEEDED, StatusCode.UNAVAILABLE,
        StatusCode.CANCELLED}
    # All of the transaction or nothing of it.
    if method == "Transact":
        results = cache.BatchGet(keys=[keys(number) for number in range(128)],
                                 atomic=True).results
        assert len({result.entry.version for result in results}) == 1


def test_a_cancelled_call_ends_and_the_connection_lives(cache, keys):
    for number in range(50):
        call = cache.start("Put", key=keys(number), value=keys(number))
        call.cancel()
        assert outcome(call) in (None, StatusCode.CANCELLED)
        assert cache.Get(key=keys(number)).entry.value in (
            b"", keys(number))
    cache.Put(key=keys("a"), value=value_of("one"))
    assert cache.Get(key=keys("a")).entry.value == value_of("one")


def test_a_client_that_disconnects_in_mid_call_harms_nobody(server, cache,
                                                            keys):
    large = value_of("large", VALUE_BYTES_MAX)
    for _ in range(5):
        with Client(server.address) as other:
            other.Get(key=keys("a"))
            calls = [other.start("Put", key=keys(number), value=large)
                     for number in range(10)]
        # Its channel is closed now, whatever the calls were doing.
        codes = {getattr(error, "code", lambda error=error: error)()
                 for error in map(outcome, calls) if error is not None}
        assert codes <= {StatusCode.CANCELLED, StatusCode.UNAVAILABLE}
    for number in range(10):
        assert cache.Get(key=keys(number)).entry.value in (b"", large)
        cache.Delete(key=keys(number))
    assert server.running()


def test_a_call_to_a_server_that_stands_still_ends_by_its_deadline(
        start_server, keys):
    server = start_server("--threads=1")
    with Client(server.address) as client:
        client.Put(key=keys("a"), value=value_of("one"))
        with server.paused():
            call = client.start("Put", key=keys("a"), value=value_of("two"),
                                timeout=0.2)
            assert outcome(call).code() == StatusCode.DEADLINE_EXCEEDED
        # Unknown to the client until it looks.
        assert client.Get(key=keys("a")).entry.value in (
            value_of("one"), value_of("two"))
        client.Put(key=keys("a"), value=value_of("three"))


def test_many_threads_with_deadlines_and_cancels(server, keys):
    failures = []

    def hammer(number):
        with Client(server.address) as client:
            for turn in range(50):
                call = client.start(
                    "BatchPut",
                    puts=[{"key": keys(f"{number}-{index}"), "value": b"x"}
                          for index in range(20)],
                    timeout=(0.0005, 0.002, 30)[turn % 3])
                if turn % 5 == 0:
                    call.cancel()
                error = outcome(call)
                code = getattr(error, "code", lambda: error)()
                # A busy server refuses what it cannot do in the time left.
                if code not in (None, StatusCode.CANCELLED,
                                StatusCode.DEADLINE_EXCEEDED,
                                StatusCode.UNAVAILABLE):
                    failures.append(code)

    for number in range(4):
        for index in range(20):
            keys(f"{number}-{index}")
    threads = [threading.Thread(target=hammer, args=(number,))
               for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with Client(server.address) as client:
        for number in range(4):
            results = client.BatchGet(
                keys=[keys(f"{number}-{index}") for index in range(20)],
                atomic=True).results
            assert len({result.entry.version for result in results}) == 1
