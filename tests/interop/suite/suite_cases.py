"""The calls of the suite: every RPC, streams of all kinds, deadlines, cancels,
metadata, errors with details, compression, and messages of up to 4 MiB.

A program in each language makes them; it knows bytes only, so that the five of
them are short and alike.  client.py says what it reads and writes.
"""

import dataclasses
import json

from api import health, pb

CACHE = "/latchkey.v1.Cache/"
TEST = "/grpc.testing.TestService/"
WATCH = "/grpc.health.v1.Health/Watch"

MIB = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    method: str
    requests: tuple
    code: int = 0
    # Of the error's details.
    reason: str = ""
    # "unary", or "stream": sends all requests and reads all answers.
    kind: str = "unary"
    timeout_ms: int = 60_000
    # Whether the client compresses its messages with gzip, and reads such.
    gzip: bool = False
    # After how many answers the client cancels; -1: it does not.
    cancel_after: int = -1
    metadata: dict = dataclasses.field(default_factory=dict)
    # Trailers that the answer has.
    trailers: tuple = ()

    def to_line(self):
        """What a program reads; lists are divided by commas."""
        pairs = ",".join(f"{k}={v}" for k, v in self.metadata.items())
        return "\t".join([
            self.kind, self.method, str(self.timeout_ms), str(int(self.gzip)),
            str(self.cancel_after), pairs,
            ",".join(request.hex() for request in self.requests)
            if self.requests else "-"])


def cache(name, fields, code=0, reason="", **options):
    message = getattr(pb, f"{name}Request")
    title = options.pop("title", name)
    return Case(title, CACHE + name, (message(**fields).SerializeToString(),),
                code, reason, **options)


def payload(size):
    """A grpc.testing request whose payload has `size` bytes: field 1, and in it
    field 2."""
    body = b"\x12" + _varint(size) + bytes(size)
    return b"\x0a" + _varint(len(body)) + body


def _varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out) + bytes([value])


def sizes(*wanted):
    """A StreamingOutputCallRequest for answers of these sizes."""
    parts = (b"\x08" + _varint(size) for size in wanted)
    return b"".join(b"\x12" + bytes([len(part)]) + part for part in parts)


CACHE_CASES = [
    cache("Put", {"key": b"a", "value": b"one", "flags": 7}),
    cache("Get", {"key": b"a"}),
    cache("Get", {"key": b"none"}, title="Get of a miss"),
    cache("BatchPut", {"puts": [{"key": b"b", "value": b"2"},
                                {"key": b"c", "value": b""}]}),
    cache("BatchGet", {"keys": [b"a", b"none", b"b", b"c"], "atomic": True}),
    cache("Increment", {"key": b"n", "delta": -3, "initial": 10}),
    cache("Touch", {"key": b"b", "expiration": {"ttl": {"seconds": 900}}}),
    cache("Move", {"source_key": b"c", "destination_key": b"d"}),
    cache("Transfer", {"source_key": b"n", "destination_key": b"m",
                       "amount": 4, "create_destination": True}),
    cache("Transact", {"compares": [{"key": b"a", "precondition": {
        "exists": True}}], "on_success": [
            {"get": {"key": b"a"}}, {"put": {"key": b"e", "value": b"5"}},
            {"increment": {"key": b"n", "delta": 1}}]}),
    cache("Scan", {"page_size": 2, "consistency": 1}, kind="stream"),
    cache("Delete", {"key": b"a", "return_previous": True}),
    cache("BatchDelete", {"deletes": [{"key": b"b"}, {"key": b"none"}]}),
    cache("Increment", {"key": b"n", "delta": 1, "idempotency_key": b"w"},
          title="a keyed write", trailers=("latchkey-stamp",)),
    cache("Increment", {"key": b"n", "delta": 1, "idempotency_key": b"w"},
          title="its copy", trailers=("latchkey-replayed", "latchkey-stamp")),
    cache("GetOutcome", {"idempotency_key": b"w"}),
    cache("Get", {"key": b"leased", "lease": {"ttl": {"seconds": 900}}},
          title="a lease"),
    cache("Get", {"key": b"leased", "lease": {"ttl": {"seconds": 900}}},
          title="another's lease"),
    cache("Put", {"key": b"leased", "lease_token": b"t"}, 10, "LEASE_LOST",
          title="a void lease"),
    cache("Increment", {"key": b"n", "delta": 2, "idempotency_key": b"w"}, 9,
          "IDEMPOTENCY_KEY_REUSED", title="its key with another request",
          trailers=("latchkey-stamp",)),
    # Errors with details.
    cache("Put", {}, 3, "INVALID_KEY", title="no key"),
    cache("Put", {"key": b"n", "precondition": {"version": 1}}, 10,
          "PRECONDITION_FAILED", title="another version"),
    cache("Put", {"key": b"n", "precondition": {"exists": False}}, 6,
          "KEY_EXISTS", title="an existing key"),
    cache("Increment", {"key": b"none", "delta": 1}, 5, "KEY_NOT_FOUND",
          title="a missing counter"),
    cache("Increment", {"key": b"e", "delta": 1, "max": 1}, 11,
          "COUNTER_LIMIT", title="a counter at its limit"),
    cache("Scan", {"page_size": 5_000}, 3, "INVALID_FIELD", kind="stream",
          title="a stream that fails"),
    Case("an unknown method", CACHE + "Nothing", (b"",), 12),
    Case("an unknown service", "/no.Service/Nothing", (b"",), 12),
    Case("bytes that are no message", CACHE + "Get", (b"\xff",), 3,
         "INVALID_FIELD"),
    # Metadata.
    cache("Get", {"key": b"n"}, title="metadata both ways",
          metadata={"latchkey-timing": "1", "latchkey-stamp": "?",
                    "x-anything": "of printable ASCII ~!"},
          trailers=("latchkey-server-us", "latchkey-stamp")),
    # Large messages, plain and compressed.
    *[cache("BatchPut", {"puts": [{"key": key, "value": key * 1_000_000}
                                  for key in (b"s", b"t", b"u", b"v")]},
            gzip=gzip, title=f"a request of 4 MB{how}")
      for gzip, how in ((False, ""), (True, ", compressed"))],
    *[cache("BatchGet", {"keys": [b"s", b"t", b"u", b"v"]}, gzip=gzip,
            title=f"an answer of 4 MB{how}")
      for gzip, how in ((False, ""), (True, ", compressed"))],
    *[Case(f"a request over 4 MiB{how}", CACHE + "BatchPut", (
        bytes(4 * MIB + 1),), 8, gzip=gzip)
      for gzip, how in ((False, ""), (True, ", compressed"))],
    cache("Get", {"key": b"n"}, gzip=True, title="a small one, compressed"),
    # Deadlines and cancels.
    Case("a deadline that ends a stream", WATCH, (
        health.HealthCheckRequest().SerializeToString(),), 4, kind="stream",
         timeout_ms=300),
    Case("a cancel", WATCH, (
        health.HealthCheckRequest().SerializeToString(),), 1, kind="stream",
         cancel_after=1),
    cache("Get", {"key": b"n"}, title="after all of them"),
]

TEST_CASES = [
    Case("an empty message", TEST + "EmptyCall", (b"",)),
    Case("client streaming", TEST + "StreamingInputCall", tuple(
        payload(size) for size in (27_182, 8, 1_828, 45_904)), kind="stream"),
    Case("client streaming of nothing", TEST + "StreamingInputCall", (),
         kind="stream"),
    Case("client streaming, compressed", TEST + "StreamingInputCall", tuple(
        payload(size) for size in (1_000_000, 0, 1)), kind="stream", gzip=True),
    Case("server streaming", TEST + "StreamingOutputCall", (
        sizes(31_415, 9, 2_653, 58_979),), kind="stream"),
    Case("bidirectional streaming", TEST + "FullDuplexCall", (
        sizes(100_000, 1), sizes(), sizes(3_000_000, 0)), kind="stream"),
    Case("bidirectional streaming, compressed", TEST + "FullDuplexCall", (
        sizes(100_000, 1), sizes(300_000)), kind="stream", gzip=True),
    Case("bidirectional streaming of nothing", TEST + "FullDuplexCall", (),
         kind="stream"),
    Case("a cancel among messages", TEST + "FullDuplexCall", (
        sizes(*[100_000] * 1_000),), 1, kind="stream", cancel_after=3),
    Case("metadata at the end", TEST + "UnaryCall", (b"",),
         metadata={"x-grpc-test-echo-initial": "begin"}),
]


def write(cases, path):
    path.write_text("".join(case.to_line() + "\n" for case in cases))


def read(path):
    """What a program has written: a line of JSON for each call."""
    return [json.loads(line) for line in path.read_text().splitlines()]
