"""Every RPC that a server serves, by the descriptors of its services, with
canaries in every field that may hold bytes or text, good and bad, with a good
token, a bad one and none: and no log, metric, statistic or error shows one, raw
or encoded."""

import base64
import contextlib
import urllib.parse

import grpc
import pytest
from api import (admin, health, pb, reflection_v1, reflection_v1alpha)
from client import open_channel
from google.protobuf.descriptor import FieldDescriptor
from metrics import http_get
from tokens import TokensFile, bearer

# Each secret begins so: a part of it shows, too.
BEGIN = b"canary"
CANARIES = {name: f"canary{name}\x01\xfe".encode("latin-1") for name in (
    "key", "value", "idempotency", "lease", "resume", "text")}
TOKEN = "canarytoken-4f8c1d"
BAD_TOKEN = "canarybadtoken-77aa"

FILES = (pb, admin, health, reflection_v1, reflection_v1alpha)
METHODS = [method for file in FILES
           for service in file.DESCRIPTOR.services_by_name.values()
           for method in service.methods]


def forms(secret):
    """What `secret` would look like in a text, in lower case."""
    yield secret.decode("latin-1").lower()
    yield secret.hex()
    for start in range(3):
        # Base64 of it inside of other bytes: what does not depend on them.
        text = base64.b64encode(bytes(start) + secret).decode()
        yield text[4 if start else 0:-4].lower()
    yield urllib.parse.quote(secret).lower()
    # As escaped by printers of text.
    yield repr(secret)[2:-1].lower()
    # The words without what surrounds them.
    yield secret.rstrip(b"\x01\xfe").decode().lower()


def find_canaries(text):
    folded = text.lower()
    secrets = [*CANARIES.values(), TOKEN.encode(), BAD_TOKEN.encode()]
    return [form for form in (BEGIN.decode(), BEGIN.hex(), *(
        form for secret in secrets for form in forms(secret)))
            if form in folded]


def canary_of(field):
    for name, canary in CANARIES.items():
        if name in field.name:
            return canary
    return CANARIES["text"]


# With one of these a request is seldom good.
RARE = ("idempotency_key", "lease_token", "resume_token", "precondition")


def fill(message, variant, left_out=(), depth=0):
    """Sets all fields but those `left_out`; of a oneof the one that `variant`
    picks."""
    for field in message.DESCRIPTOR.fields:
        if field.name in left_out:
            continue
        siblings = field.containing_oneof and list(
            field.containing_oneof.fields)
        if siblings and siblings[variant % len(siblings)] is not field:
            continue
        repeated = field.label == FieldDescriptor.LABEL_REPEATED
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            if depth < 4:
                target = getattr(message, field.name)
                target = target.add() if repeated else target
                target.SetInParent()
                fill(target, variant, left_out, depth + 1)
            continue
        if field.type == FieldDescriptor.TYPE_BYTES:
            value = canary_of(field)
        elif field.type == FieldDescriptor.TYPE_STRING:
            value = canary_of(field)[:-2].decode()
        else:
            value = 1
        if repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    return message


def requests_of(method):
    """Serialized requests: whole ones, and ones that are bad in many ways."""
    kind = method.input_type._concrete_class  # pylint: disable=W0212
    for variant in range(12):
        whole = fill(kind(), variant).SerializeToString()
        yield whole
        yield whole[:-1]
        yield whole + b"\x07" + CANARIES["value"]
        yield fill(kind(), variant, RARE).SerializeToString()
        yield fill(kind(), variant, RARE[1:]).SerializeToString()
    # Of the usual form, which is read by other code.
    usual = kind()
    for field in method.input_type.fields:
        if (field.type == FieldDescriptor.TYPE_BYTES and field.name not in RARE
                and field.label != FieldDescriptor.LABEL_REPEATED):
            setattr(usual, field.name, canary_of(field))
    yield usual.SerializeToString()
    for field in method.input_type.fields:
        # Alone, and far too long.
        for size in (1, 200, 50_000):
            if field.type in (FieldDescriptor.TYPE_BYTES,
                              FieldDescriptor.TYPE_STRING):
                text = canary_of(field)[:-2] * size
                text = (text if field.type == FieldDescriptor.TYPE_BYTES
                        else text.decode())
                with contextlib.suppress(TypeError):
                    if field.label == FieldDescriptor.LABEL_REPEATED:
                        text = [text]
                    yield kind(**{field.name: text}).SerializeToString()


def call(channel, method, request, metadata):
    """Makes one call; returns the text of its error, with all that is in it."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    # Of streams, one that does not end by itself is ended.
    metadata = [*metadata, ("canary-bin", CANARIES["value"])]
    try:
        if method.client_streaming:
            list(channel.stream_stream(path)(iter([request]), timeout=10,
                                             metadata=metadata))
        elif method.server_streaming:
            answer = channel.unary_stream(path)(request, timeout=10,
                                                metadata=metadata)
            next(answer, None)
            answer.cancel()
        else:
            channel.unary_unary(path)(request, timeout=10, metadata=metadata)
        return ""
    except grpc.RpcError as error:
        trailing = error.trailing_metadata() or ()
        return "\n".join([error.details() or "", *(
            f"{name}: {value if isinstance(value, str) else ''}"
            f"{value.decode('latin-1') if isinstance(value, bytes) else ''}"
            for name, value in trailing)])


def test_the_search_finds_every_form():
    for secret in (*CANARIES.values(), TOKEN.encode()):
        for shown in (secret.decode("latin-1"), secret.hex(),
                      secret.hex().upper(), urllib.parse.quote(secret),
                      base64.b64encode(b"ab" + secret + b"c").decode()):
            assert find_canaries(f"before {shown} after"), shown
    for part in (BEGIN + b"k", BEGIN + b"token-"):
        for shown in (part.decode(), part.hex()):
            assert find_canaries(f"put of {shown}... failed")
    assert not find_canaries("put of a key of 16 bytes failed")


def test_every_service_is_there():
    assert {method.containing_service.full_name for method in METHODS} == {
        "latchkey.v1.Cache", "latchkey.v1.Admin", "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection"}


@pytest.mark.parametrize("tokens", [False, True], ids=["open", "tokens"])
def test_nothing_that_is_written_shows_a_canary(start_server, tmp_path, tokens):
    options = ["--log-level=trace", "--threads=1"]
    if tokens:
        options.append(TokensFile(tmp_path / "tokens",
                                  ("someone", TOKEN)).option())
    server = start_server(*options)
    shown = [[("authorization", f"Basic {BAD_TOKEN}")], bearer(BAD_TOKEN),
             bearer(TOKEN)]
    errors = []
    answered = set()
    with open_channel(server.address) as channel:
        for method in METHODS:
            for number, request in enumerate(requests_of(method)):
                # With a bad token a call gets no further: few are enough.
                for metadata in shown if number < 2 else shown[-1:]:
                    # Which is no good one.
                    stamp = [("latchkey-stamp", "canarytext")] * (number % 2)
                    error = call(channel, method, request, metadata + stamp)
                    if error:
                        errors.append(f"{method.full_name}: {error}")
                    else:
                        answered.add(method.name)
        statistics = channel.unary_unary("/latchkey.v1.Admin/GetStats")(
            b"", timeout=10, metadata=bearer(TOKEN)).decode("latin-1")
    assert len(errors) > len(METHODS)
    # What is done may be told, too.
    assert answered >= {"Get", "Put", "BatchGet", "BatchPut", "Delete",
                        "BatchDelete", "Touch", "Scan", "GetOutcome"}, answered
    for error in errors:
        assert not find_canaries(error), error[:2000]
    assert not find_canaries(statistics)
    assert not find_canaries(http_get(server, "/metrics")[2])
    server.stop()
    assert server.address in server.log()
    assert not find_canaries(server.log())
