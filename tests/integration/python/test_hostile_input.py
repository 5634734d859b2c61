"""Bytes that are not what they should be: never a crash, never a silent
default."""

import os
import random
import socket

import pytest
from api import pb
from client import METHODS, SERVICE, WRITES, Client, expect_error, make_request
from conftest import value_of
from grpc import RpcError, StatusCode
from server_process import PATIENCE_SECONDS
from test_bad_input import WRITE_REQUESTS

GARBAGE = {
    "tag without a field": b"\x0a",
    "length beyond the end": b"\x0a\x7fabc",
    "field number 0": b"\x02\x01a",
    "varint without an end": b"\xff" * 16,
    "group without an end": b"\x7b\x08\x01",
    "wire type 7": b"\x0f\x00",
}


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("method", METHODS)
def test_a_message_that_is_none(cache, method, name):
    with expect_error(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as error:
        cache.send_bytes(method, GARBAGE[name])
    if method in WRITES:
        assert error.metadata["applied"] == "no"


@pytest.mark.parametrize("method", METHODS)
def test_random_bytes_get_an_answer(cache, method):
    source = random.Random(method)
    # The last two: the bytes were a good message after all.
    allowed = {StatusCode.INVALID_ARGUMENT, StatusCode.UNIMPLEMENTED,
               StatusCode.NOT_FOUND, StatusCode.ABORTED}
    for size in (1, 2, 3, 5, 8, 13, 100, 1000):
        for _ in range(5):
            message = source.randbytes(size)
            try:
                cache.send_bytes(method, message)
            except RpcError as error:
                assert error.code() in allowed, message
    cache.BatchGet()


@pytest.mark.parametrize("method, request_of", WRITE_REQUESTS.items())
def test_a_message_that_was_cut_is_no_other_message(cache, keys, method,
                                                    request_of):
    message = make_request(method, request_of(keys)).SerializeToString()
    with expect_error(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
                      applied="no"):
        cache.send_bytes(method, message[:-1])
    assert not cache.Get(key=keys("a")).HasField("entry")


def test_unknown_fields_are_accepted(cache, keys):
    # Of every wire type, with numbers that the contract does not use.
    unknown = (b"\xc0\x3e\x05" b"\xc9\x3e12345678" b"\xd2\x3e\x03abc"
               b"\xdd\x3e1234")
    request = make_request("Put", {"key": keys("a"), "value": value_of("one")})
    answer = pb.PutResponse.FromString(
        cache.send_bytes("Put", unknown + request.SerializeToString()))
    assert cache.Get(key=keys("a")).entry.version == answer.version

    request = make_request("Get", {"key": keys("a")}).SerializeToString()
    answer = pb.GetResponse.FromString(
        cache.send_bytes("Get", request + unknown))
    assert answer.entry.value == value_of("one")


def test_a_field_that_comes_twice_counts_the_last_time(cache, keys):
    first = make_request("Put", {"key": keys("a"), "value": value_of("one")})
    second = make_request("Put", {"value": value_of("two")})
    cache.send_bytes("Put",
                     first.SerializeToString() + second.SerializeToString())
    assert cache.Get(key=keys("a")).entry.value == value_of("two")


def test_a_unary_call_without_a_message_does_not_write(cache):
    with pytest.raises(RpcError) as raised:
        cache.channel.stream_unary(f"/{SERVICE}/Put")(iter([]), timeout=30)
    assert raised.value.code() in {
        StatusCode.UNIMPLEMENTED, StatusCode.INVALID_ARGUMENT,
        StatusCode.INTERNAL}


HTTP_2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"

RAW = {
    "HTTP/1.1 request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS hello": bytes.fromhex("16030100c8010000c40303") + b"\x5a" * 193,
    "zeros": b"\x00" * 1000,
    "random bytes": random.Random(1).randbytes(10_000),
    "half a preface": HTTP_2_PREFACE[:10],
    "preface and random bytes": HTTP_2_PREFACE + random.Random(2).randbytes(
        10_000),
    "frame of 16 MiB": HTTP_2_PREFACE + SETTINGS + b"\xff\xff\xff" + b"\x00" *
                       60_000,
    "headers that are none": HTTP_2_PREFACE + SETTINGS +
                             b"\x00\x00\x20\x01\x04\x00\x00\x00\x01" +
                             b"\xff" * 32,
    "data of a stream that is not there": HTTP_2_PREFACE + SETTINGS +
                                          b"\x00\x00\x01\x00\x01\x00\x00\x00"
                                          b"\x01x",
}


@pytest.mark.parametrize("name", RAW)
def test_a_connection_that_is_not_grpc_ends(server, cache, keys, name):
    with socket.create_connection(server.socket_address,
                                  timeout=PATIENCE_SECONDS) as connection:
        try:
            connection.sendall(RAW[name])
            connection.shutdown(socket.SHUT_WR)
            # What the server has to say to it does not matter; its end does.
            while connection.recv(65536):
                pass
        except OSError as error:
            # The server may have closed it already.
            assert not isinstance(error, TimeoutError)
    cache.Put(key=keys("a"), value=value_of("one"))
    assert server.running()


def test_an_http_1_request_is_not_left_waiting(server):
    with socket.create_connection(server.socket_address,
                                  timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(RAW["HTTP/1.1 request"])
        try:
            # Answered, where gRPC-Web is; else the connection ends.
            while answer := connection.recv(65536):
                if answer.startswith(b"HTTP/1.1 4"):
                    break
        except ConnectionResetError:
            pass


def test_connections_that_say_nothing_do_not_keep_others_out(server, keys):
    silent = [socket.create_connection(server.socket_address,
                                       timeout=PATIENCE_SECONDS)
              for _ in range(100)]
    try:
        with Client(server.address) as client:
            client.Put(key=keys("a"), value=value_of("one"))
    finally:
        for connection in silent:
            connection.close()


def test_the_process_keeps_no_file_of_a_closed_connection(server, cache):
    def open_files():
        return len(os.listdir(f"/proc/{server.pid}/fd"))

    cache.BatchGet()
    before = open_files()
    for _ in range(20):
        with Client(server.address) as client:
            client.BatchGet()
    # Closed connections are noticed in their own time.
    for _ in range(10_000):
        if open_files() <= before + 2:
            return
        cache.BatchGet()
    raise AssertionError(f"{before} files became {open_files()}")
