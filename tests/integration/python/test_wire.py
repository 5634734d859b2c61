"""What a correct gRPC client never sends: nothing of it writes, nothing of it
ends the server, and other streams do not notice."""

import gzip

import pytest
from api import pb
from client import SERVICE, make_request
from conftest import value_of
from grpc import StatusCode
from server_process import TRANSPORT
from wire import Wire, frame

PUT = f"/{SERVICE}/Put"
GET = f"/{SERVICE}/Get"
DEADLINE_EXCEEDED = StatusCode.DEADLINE_EXCEEDED.value[0]


@pytest.fixture(name="wire")
def fixture_wire(server):
    with Wire(server.socket_address) as wire:
        yield wire


@pytest.fixture(name="put")
def fixture_put(keys):
    """A good Put of the key "a"."""
    return make_request("Put", {"key": keys("a"), "value": value_of("one")}
                        ).SerializeToString()


def assert_never_written(cache, keys):
    assert not cache.Get(key=keys("a")).HasField("entry")
    cache.Put(key=keys("a"), value=value_of("two"))


@pytest.mark.parametrize("chunk", [None, 1, 7], ids=["whole", "1", "7"])
def test_a_message_may_come_in_pieces(wire, cache, keys, put, chunk):
    assert wire.call(PUT, frame(put), chunk=chunk).status == 0
    assert cache.Get(key=keys("a")).entry.value == value_of("one")


def test_a_deadline_of_0_on_the_wire(wire, cache, keys, put):
    # grpcio would round it up.
    answer = wire.call(PUT, frame(put), {"grpc-timeout": "0n"})
    assert answer.broken or answer.status == DEADLINE_EXCEEDED
    assert_never_written(cache, keys)


@pytest.mark.parametrize("timeout", [
    "99999999H", "1H", "60M", "30S", "30000m", "30000000u", "99999999n"])
def test_a_deadline_in_every_unit(wire, cache, keys, put, timeout):
    assert wire.call(PUT, frame(put), {"grpc-timeout": timeout}).status == 0
    assert cache.Get(key=keys("a")).entry.value == value_of("one")


@pytest.mark.parametrize("timeout", ["", "5", "m", "5x", "-5S", "1.5S",
                                     "9" * 50 + "S", "5S5S"])
def test_a_deadline_that_is_none_gets_an_answer(wire, cache, put, timeout):
    answer = wire.call(PUT, frame(put), {"grpc-timeout": timeout})
    assert answer.broken or answer.status is not None
    cache.BatchGet()


@pytest.mark.parametrize("data", [
    lambda put: b"",
    lambda put: b"\x00",
    lambda put: b"\x00\x00\x00",
    lambda put: frame(put)[:-1],
    lambda put: frame(put, size=len(put) + 1),
    lambda put: frame(put, size=2**32 - 1),
    lambda put: frame(put, compressed=2),
], ids=["nothing", "one byte", "part of a prefix", "cut", "size + 1",
        "size of 4 GiB", "unknown flag"])
def test_a_frame_that_lies(wire, cache, keys, put, data):
    assert wire.call(PUT, data(put)).refused
    assert_never_written(cache, keys)


@pytest.mark.parametrize("headers", [
    {":method": "GET"},
    {"content-type": "text/plain"},
    {"content-type": None},
    {"grpc-encoding": "no-such-encoding", "compressed": "1"},
    {":path": "no-slash"},
    {":path": None},
    {":scheme": None},
    {"x-large": "x" * 100_000},
    {"Upper-Case": "x"},
], ids=["GET", "text", "no type", "encoding", "path", "no path", "no scheme",
        "large header", "upper case"])
def test_headers_that_are_no_grpc(wire, cache, keys, put, headers):
    # An answer or an end, whatever it is; only silence would be wrong.
    data = frame(put, compressed=1 if "compressed" in headers else 0)
    stream = wire.start(PUT, headers)
    try:
        wire.send(stream, data)
    except (BrokenPipeError, ConnectionResetError):
        pass
    answer = wire.answer(stream)
    if answer.refused:
        assert_never_written(cache, keys)
    else:
        assert cache.Get(key=keys("a")).entry.value == value_of("one")


@pytest.mark.skipif(TRANSPORT != "native",
                    reason="the gRPC library compresses no answers")
@pytest.mark.parametrize("encoding, accepted, compressed", [
    ("gzip", "identity, deflate,gzip", True), ("gzip", "identity", False),
    ("gzip", None, False), ("identity", "gzip", False), (None, "gzip", False)])
def test_answers_are_compressed_for_who_compresses(wire, cache, keys, encoding,
                                                   accepted, compressed):
    cache.Put(key=keys("a"), value=value_of("one", 10_000))
    get = make_request("Get", {"key": keys("a")}).SerializeToString()
    answer = wire.call(GET, frame(get), {"grpc-encoding": encoding,
                                         "grpc-accept-encoding": accepted})
    assert answer.status == 0
    assert (answer.headers.get("grpc-encoding") == "gzip") == compressed
    assert answer.body[0] == int(compressed)
    message = gzip.decompress(answer.body[5:]) if compressed else answer.body[5:]
    assert len(answer.body) < 1_000 or not compressed
    assert pb.GetResponse.FromString(message).entry.value == value_of(
        "one", 10_000)


def test_a_request_that_is_reset_leaves_the_connection_as_it_was(
        wire, cache, keys, put):
    for _ in range(300):
        stream = wire.start(PUT)
        wire.send(stream, frame(put)[:5], end_stream=False)
        wire.reset(stream)
    get = make_request("Get", {"key": keys("a")}).SerializeToString()
    assert wire.call(GET, frame(get)).status == 0
    assert_never_written(cache, keys)


def test_requests_that_are_reset_when_they_are_whole(server, cache, keys, put):
    with Wire(server.socket_address) as wire:
        for _ in range(300):
            stream = wire.start(PUT)
            wire.send(stream, frame(put))
            wire.reset(stream)
    # Each happened or did not.
    assert cache.Get(key=keys("a")).entry.value in (b"", value_of("one"))


def test_a_request_that_stays_half_keeps_nobody_else_out(server, cache, keys,
                                                         put):
    with Wire(server.socket_address) as wire:
        for _ in range(50):
            stream = wire.start(PUT)
            wire.send(stream, frame(put)[:-1], end_stream=False)
        assert_never_written(cache, keys)
    assert cache.Get(key=keys("a")).entry.value == value_of("two")
