"""Requests and answers of the largest size, and one more."""

import pytest
from api import (BATCH_GET_KEYS_MAX, KEY_BYTES_MAX, MESSAGE_BYTES_MAX,
                 OPERATIONS_MAX, VALUE_BYTES_MAX)
from client import expect_error, make_request
from conftest import value_of
from grpc import RpcError, StatusCode

LARGEST_VALUE = value_of("large", VALUE_BYTES_MAX)


def test_a_key_of_the_largest_size(cache, keys):
    key = keys("a").rjust(KEY_BYTES_MAX, b"k")
    cache.Put(key=key, value=value_of("one"))
    assert cache.Get(key=key).entry.key == key


def test_a_value_of_the_largest_size(cache, keys):
    cache.Put(key=keys("a"), value=LARGEST_VALUE)
    assert cache.Get(key=keys("a")).entry.value == LARGEST_VALUE
    # With key and value both at their largest, in both directions.
    key = keys("a").rjust(KEY_BYTES_MAX, b"k")
    cache.Put(key=key, value=LARGEST_VALUE)
    put = cache.Put(key=key, value=LARGEST_VALUE, return_previous=True)
    assert put.previous.value == LARGEST_VALUE


def test_batches_of_the_largest_size(cache, keys):
    names = [keys(number) for number in range(OPERATIONS_MAX)]
    put = cache.BatchPut(puts=[{"key": key, "value": key} for key in names])
    assert len(put.results) == OPERATIONS_MAX
    got = cache.BatchGet(keys=names, atomic=True)
    assert [result.entry.value for result in got.results] == names

    transacted = cache.Transact(
        compares=[{"key": names[0], "precondition": {"exists": True}}],
        on_success=[{"get": {"key": key}} for key in names[1:]])
    assert [result.get.entry.value for result in transacted.results] == (
        names[1:])

    deleted = cache.BatchDelete(deletes=[{"key": key} for key in names])
    assert all(result.deleted for result in deleted.results)


def test_a_batch_get_of_the_largest_size(cache, keys):
    cache.Put(key=keys("a"), value=b"first")
    cache.Put(key=keys("z"), value=b"last")
    names = [keys("a"), *[keys("missing")] * (BATCH_GET_KEYS_MAX - 2),
             keys("z")]
    results = cache.BatchGet(keys=names).results
    assert len(results) == BATCH_GET_KEYS_MAX
    assert results[0].entry.value == b"first"
    assert results[-1].entry.value == b"last"
    assert not any(result.HasField("entry") for result in results[1:-1])


def too_large(k):
    """Five keys of one value each that together are more than a message."""
    return [k(number) for number in range(5)]


@pytest.mark.parametrize("method, request_of", [
    ("BatchGet", lambda k: {"keys": too_large(k)}),
    ("BatchGet", lambda k: {"keys": too_large(k), "atomic": True}),
    ("BatchGet", lambda k: {"keys": [k(0)] * BATCH_GET_KEYS_MAX}),
    ("Transact", lambda k: {
        "on_success": [{"put": {"key": k(0), "value": b"new"}}] +
                      [{"get": {"key": key}} for key in too_large(k)]}),
    ("Transact", lambda k: {
        "on_success": [{"put": {"key": k("new")}}] +
                      [{"get": {"key": k(0)}}] * 127}),
    ("BatchPut", lambda k: {"puts": [
        {"key": key, "value": b"new", "return_previous": True}
        for key in too_large(k)]}),
    ("BatchDelete", lambda k: {"deletes": [
        {"key": key, "return_previous": True} for key in too_large(k)]}),
], ids=["keys", "atomic", "one key often", "Transact",
        "Transact of one key often", "BatchPut", "BatchDelete"])
def test_an_answer_that_is_too_large_is_an_error_and_no_change(
        cache, keys, method, request_of):
    for key in too_large(keys):
        cache.Put(key=key, value=LARGEST_VALUE)
    metadata = {} if method == "BatchGet" else {"applied": "no"}
    with expect_error(StatusCode.RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE",
                      **metadata):
        cache.call(method, **request_of(keys))
    for key in too_large(keys):
        assert cache.Get(key=key).entry.value == LARGEST_VALUE
    assert not cache.Get(key=keys("new")).HasField("entry")
    cache.BatchDelete(deletes=[{"key": key} for key in too_large(keys)])


def test_an_answer_of_almost_a_message_is_sent(cache, keys):
    names = [keys(number) for number in range(3)]
    for key in names:
        cache.Put(key=key, value=LARGEST_VALUE)
    results = cache.BatchGet(keys=names).results
    assert [len(result.entry.value) for result in results] == (
        [VALUE_BYTES_MAX] * 3)
    cache.BatchDelete(deletes=[{"key": key} for key in names])


def message_of(keys, size):
    """A good BatchPut of exactly `size` bytes."""
    puts = [{"key": keys(number), "value": LARGEST_VALUE}
            for number in range(3)]
    rest = make_request("BatchPut", {"puts": puts}).ByteSize()
    last = {"key": keys(3), "value": b"v" * (size - rest - 100)}
    message = make_request("BatchPut", {"puts": [*puts, last]})
    last["value"] += b"v" * (size - message.ByteSize())
    message = make_request("BatchPut", {"puts": [*puts, last]})
    assert message.ByteSize() == size
    return message.SerializeToString()


def test_a_request_of_the_largest_size(cache, keys):
    cache.send_bytes("BatchPut", message_of(keys, MESSAGE_BYTES_MAX))
    assert cache.Get(key=keys(3)).HasField("entry")
    cache.BatchDelete(deletes=[{"key": keys(number)} for number in range(4)])


@pytest.mark.parametrize("size", [MESSAGE_BYTES_MAX + 1, 4 * MESSAGE_BYTES_MAX])
def test_a_larger_request_is_refused(cache, keys, size):
    # A good one, and an unknown field, so that nothing but its size is wrong.
    message = message_of(keys, MESSAGE_BYTES_MAX - 100)
    field = b"\xfa\x3f"
    padding = size - len(message) - len(field)
    while len(encode_varint(padding)) + padding + len(message) + 2 > size:
        padding -= 1
    message += field + encode_varint(padding) + b"." * padding
    assert len(message) == size

    try:
        cache.send_bytes("BatchPut", message)
    except RpcError as error:
        assert error.code() == StatusCode.RESOURCE_EXHAUSTED
    else:
        raise AssertionError("a message over 4 MiB was accepted")
    assert not cache.Get(key=keys(0)).HasField("entry")


def encode_varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(0x80 | number & 0x7F)
        number >>= 7
    return bytes([*encoded, number])
