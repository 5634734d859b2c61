"""What HTTP/2 allows and gRPC's protocol does not: content types, timeouts,
metadata, the framing of messages."""

import gzip
import zlib

from raw_http2 import (COMPRESSION_ERROR, CONTINUATION, END_HEADERS, END_STREAM,
                       ENHANCE_YOUR_CALM, GET, HEADERS, INTERNAL_ERROR,
                       PROTOCOL_ERROR, WATCH, Case, answered, block, call,
                       call_headers, connection_error, data, frame, grpc_status,
                       http_status, ignored, message, open_call, reset)

INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED = 3, 4, 8
UNIMPLEMENTED, INTERNAL = 12, 13

SCAN = "/latchkey.v1.Cache/Scan"
MIB = 1024 * 1024
LIMIT = 4 * MIB


def with_header(name, value):
    return tuple((key, value if key == name else old)
                 for key, old in call_headers())


def request_of(headers):
    """The request of a call with these headers."""
    return lambda s: frame(HEADERS, END_HEADERS, s, block(*headers)) + data(
        s, message())


def _content_types():
    for kind in ("", "text/plain", "application/json", "application/grpcfoo",
                 "application/grpc-web+json", "application/grpc-webs",
                 "application/grp", "application/grpc+json",
                 "application/grpc+", "application/grpc/x",
                 "multipart/form-data; boundary=x", "*/*",
                 "x-application/grpc", "application/octet-stream"):
        yield Case(f"content-type {kind!r}",
                   request_of(with_header("content-type", kind)),
                   http_status(415))
    yield Case("no content-type", request_of(call_headers()[:-1]),
               http_status(415))
    for kind in ("application/grpc", "application/grpc+proto",
                 "application/grpc;charset=utf-8"):
        yield Case(f"content-type {kind!r}, which is right",
                   request_of(with_header("content-type", kind)), answered)
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "post",
                   "POSTS", "X"):
        yield Case(f"method {method}",
                   request_of(with_header(":method", method)),
                   http_status(405))


def _paths():
    for path in ("/", "//", "/x", "/latchkey.v1.Cache", "/latchkey.v1.Cache/",
                 "/latchkey.v1.Cache/get", "/latchkey.v1.Cache/Get/",
                 "/latchkey.v1.Cache//Get", "//latchkey.v1.Cache/Get",
                 "/latchkey.v1.Cache/Get?x=y", "/latchkey.v1.Cache/Get#x",
                 "/latchkey.v1.Cache/%47et", "/latchkey.v1.cache/Get",
                 "/../latchkey.v1.Cache/Get", "/" + "x" * 5_000,
                 "/%00/%ff", "/latchkey.v1.Cache/GetGet"):
        yield Case(f"path {path[:40]!r}", lambda s, path=path: call(s, path),
                   grpc_status(UNIMPLEMENTED))


def _timeouts():
    for text in ("", "5", "m", "5x", "-5S", "+5S", "1.5S", "5S5S", "5 S", "9" * 9 + "S", "9" * 50 + "S", "0x5S", "5s", "5h",
                 "S5", "1e3m", "five", "5,S", "5MS", "\u0665S".encode()):
        yield Case(f"grpc-timeout {text!r:.24}",
                   lambda s, text=text: call(s, GET, ("grpc-timeout", text)),
                   grpc_status(INTERNAL))
    yield Case("grpc-timeout of nothing",
               lambda s: call(s, GET, ("grpc-timeout", "0n")),
               grpc_status(DEADLINE_EXCEEDED))
    for text in ("99999999H", "1H", "00000001H", "30000000u"):
        yield Case(f"grpc-timeout {text}, which is right",
                   lambda s, text=text: call(s, GET, ("grpc-timeout", text)),
                   answered)


def _metadata():
    for text in ("=", "a", "a===", "!!!!", "ab!d", "a b", "ab\u00e4d".encode(),
                 "YWJj=", "=YWJj", "YW=Jj", "-_-_", "\x7e\x7e", "YWJjZ"):
        yield Case(f"-bin metadata {text!r}",
                   lambda s, text=text: call(s, GET, ("x-bin", text)),
                   grpc_status(INTERNAL))
        yield Case(f"-bin metadata {text!r} of a stream",
                   lambda s, text=text: open_call(s, WATCH, ("x-bin", text)),
                   grpc_status(INTERNAL))
    for text in ("", "YWJj", "YWI=", "YWI", "YQ==", "YQ", "YWJj,YWJj"):
        yield Case(f"-bin metadata {text!r}, which is right",
                   lambda s, text=text: call(s, GET, ("x-bin", text)),
                   answered)
    for name in ("x", "grpc-x", "user-agent", "authorization", "cookie",
                 "grpc-status", "grpc-message", "traceparent"):
        yield Case(f"metadata {name} of bytes over 127",
                   lambda s, name=name: call(s, GET, (name, b"\x80\xff")),
                   answered)
    # The limit is 16 KiB for all, and 32 bytes are counted for each.
    for name, pairs in {"one": [("x", "y" * 16_400)],
                        "a name": [("x" * 16_300, "y" * 100)],
                        "many": [("x", "y")] * 520}.items():
        yield Case(f"{name} of metadata over the limit",
                   lambda s, pairs=pairs: frame(
                       HEADERS, 0, s, block(*call_headers())) + b"".join(
                           frame(CONTINUATION, 0, s, part)
                           for part in _parts(block(*pairs))) + frame(
                               CONTINUATION, END_HEADERS, s) +
                   data(s, message()), grpc_status(RESOURCE_EXHAUSTED))
    yield Case("metadata just below the limit",
               lambda s: call(s, GET, ("x", "y" * 15_000)), answered)
    yield Case("metadata of 1 MiB", lambda s: frame(
        HEADERS, 0, s, block(*call_headers())) + b"".join(
            frame(CONTINUATION, 0, s, part)
            for part in _parts(block(("x", "y" * MIB)))),
               connection_error(ENHANCE_YOUR_CALM, INTERNAL_ERROR,
                                COMPRESSION_ERROR, PROTOCOL_ERROR, None))


def _parts(payload, size=16_000):
    return [payload[i:i + size] for i in range(0, len(payload), size)]


# What may be wrong with the bytes of a unary request, and its status.
def _bodies():
    right = message()
    bodies = {"nothing": (b"", UNIMPLEMENTED),
              "two messages": (right * 2, UNIMPLEMENTED),
              "a message and a byte": (right + b"\0", UNIMPLEMENTED),
              "a message and half of one": (right + right[:7], UNIMPLEMENTED)}
    for size in range(1, len(right)):
        bodies[f"{size} bytes of a message"] = (right[:size], INTERNAL)
    for flag in (2, 3, 4, 0x7f, 0x80, 0xfe, 0xff):
        bodies[f"flag {flag}"] = (message(flag=flag), INTERNAL)
    for size in (LIMIT + 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1):
        bodies[f"a size of {size}"] = (message(size=size), RESOURCE_EXHAUSTED)
        bodies[f"a size of {size}, compressed"] = (
            message(flag=1, size=size), RESOURCE_EXHAUSTED)
    bodies["a size of 4 MiB, and no more"] = (message(size=LIMIT), INTERNAL)
    bodies["a size that is 1 too much"] = (message(size=4), INTERNAL)
    bodies["a size that is 1 too little"] = (message(size=2), UNIMPLEMENTED)
    bodies["compressed without an encoding"] = (
        message(gzip.compress(b""), 1), INTERNAL)
    for name, body in {"a tag without a field": b"\x0a",
                       "a field beyond the end": b"\x0a\x7fk",
                       "field number 0": b"\x02\x01k",
                       "a varint without end": b"\xff" * 16,
                       "a group without end": b"\x7b\x08\x01",
                       "wire type 7": b"\x0f\x00",
                       "zeros": bytes(100)}.items():
        bodies[f"protobuf that is none: {name}"] = (message(body),
                                                   INVALID_ARGUMENT)
    return bodies


def _framing():
    for name, (body, code) in _bodies().items():
        yield Case(f"unary: {name}", lambda s, body=body: open_call(s) + data(
            s, body), grpc_status(code))
    yield Case("unary: the end with the headers",
               lambda s: open_call(s, flags=END_STREAM),
               grpc_status(UNIMPLEMENTED))
    yield Case("unary: a request that is reset half way",
               lambda s: open_call(s) + data(s, message()[:6], 0) + reset(s),
               ignored)
    for name, begin, code in [
            ("over the limit", message(size=LIMIT + 1), RESOURCE_EXHAUSTED),
            ("with flag 2", message(flag=2), INTERNAL),
            ("that is one too many", message() * 2, UNIMPLEMENTED)]:
        # What is refused early may still be on its way.
        yield Case(f"unary: the rest of a message {name}",
                   lambda s, begin=begin: [
                       open_call(s) + data(s, begin, 0),
                       data(s, bytes(16_000), 0) * 5, call(s + 2),
                       data(s, bytes(16_000), 0), data(s, b"x")],
                   grpc_status(code))
        yield Case(f"unary: a message {name}, and a reset",
                   lambda s, begin=begin: [
                       open_call(s) + data(s, begin, 0), reset(s)],
                   grpc_status(code))
    stream = {"flag 2": (message(b"", 2), INTERNAL),
              "flag 255": (message(b"", 255), INTERNAL),
              "a size of 2 GiB": (message(b"", 0, 2**31), RESOURCE_EXHAUSTED),
              "a size over the limit": (message(b"", 0, LIMIT + 1),
                                        RESOURCE_EXHAUSTED),
              "part of a prefix": (b"\0\0\0", INTERNAL),
              "a message that is cut": (message(b"xy", 0, 3), INTERNAL),
              "compressed without an encoding": (
                  message(gzip.compress(b""), 1), INTERNAL),
              "nothing": (b"", INVALID_ARGUMENT),
              "protobuf that is none": (message(b"\xff"), INVALID_ARGUMENT)}
    for path in (WATCH, SCAN):
        for name, (body, code) in stream.items():
            yield Case(f"{path}: {name}", lambda s, path=path, body=body:
                       open_call(s, path) + data(s, body), grpc_status(code))


def _compression():
    encoded = ("grpc-encoding", "gzip")
    right = gzip.compress(b"\x0a\x01k")
    for name, body, code in [
            ("nothing", b"", INTERNAL),
            ("no gzip", b"\x0a\x01k", INTERNAL),
            ("zeros", bytes(50), INTERNAL),
            ("half of it", right[:12], INTERNAL),
            ("the header only", right[:10], INTERNAL),
            ("without its last byte", right[:-1], INTERNAL),
            ("with a wrong checksum", right[:-8] + bytes(4) + right[-4:],
             INTERNAL),
            ("with a wrong size", right[:-4] + b"\xff" * 4, INTERNAL),
            ("with a byte behind", right + b"x", INTERNAL),
            ("twice", right * 2, INTERNAL),
            ("zlib's", zlib.compress(b"\x0a\x01k"), INTERNAL),
            ("of nothing", gzip.compress(b""), INVALID_ARGUMENT),
            ("of protobuf that is none", gzip.compress(b"\xff"),
             INVALID_ARGUMENT),
            ("4 MiB and 1 when inflated", gzip.compress(bytes(LIMIT + 1)),
             RESOURCE_EXHAUSTED),
            ("100 MiB when inflated", gzip.compress(bytes(100 * MIB)),
             RESOURCE_EXHAUSTED)]:
        yield Case(f"gzip: {name}", lambda s, body=body: open_call(
            s, GET, encoded) + b"".join(data(s, part, 0) for part in _parts(
                message(body, 1))) + data(s, b""), grpc_status(code))
    yield Case("gzip that is right", lambda s: open_call(
        s, GET, encoded) + data(s, message(right, 1)), answered)
    yield Case("gzip, and a message that is not compressed", lambda s: call(
        s, GET, encoded), answered)
    for name in ("deflate", "snappy", "br", "GZIP", "gzip,identity", "none",
                 "x" * 1000):
        yield Case(f"grpc-encoding {name[:20]}", lambda s, name=name: call(
            s, GET, ("grpc-encoding", name)), grpc_status(UNIMPLEMENTED))
    yield Case("identity, and a compressed message", lambda s: open_call(
        s, GET, ("grpc-encoding", "identity")) + data(s, message(right, 1)),
               grpc_status(INTERNAL))


CASES = [*_content_types(), *_paths(), *_timeouts(), *_metadata(),
         *_framing(), *_compression()]
