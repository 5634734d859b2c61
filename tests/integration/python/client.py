"""How the tests talk to a server, and what they expect of its errors.

Example:
  cache.Put(key=b"k", value=b"v")
  with expect_error(NOT_FOUND, "KEY_NOT_FOUND", applied="no"):
      cache.Increment(key=b"missing", delta=1)
"""

import contextlib
import functools

import grpc
from api import cache_stubs, error_details, errors, pb, rpc_status

# For one call to a healthy server; generous, for sanitizer builds.
CALL_SECONDS = 30

SERVICE = "latchkey.v1.Cache"
METHODS = pb.DESCRIPTOR.services_by_name["Cache"].methods_by_name

READS = frozenset(["Get", "BatchGet"])
WRITES = frozenset([
    "Put", "BatchPut", "Delete", "BatchDelete", "Increment", "Touch", "Move",
    "Transfer", "Transact"
])


def open_channel(address, credentials=None):
    """A channel with a connection of its own, in plain text without
    `credentials`."""
    options = [("grpc.use_local_subchannel_pool", 1),
               ("grpc.enable_http_proxy", 0)]
    if credentials is None:
        return grpc.insecure_channel(address, options=options)
    return grpc.secure_channel(address, credentials, options=options)


class Client:
    """One connection; `client.Put(key=...)` is the RPC Put.

    Messages inside a request may be written as dicts.
    """

    def __init__(self, address, credentials=None):
        self.address = address
        self.channel = open_channel(address, credentials)
        self.stub = cache_stubs.CacheStub(self.channel)

    def __getattr__(self, method):
        if method not in METHODS:
            raise AttributeError(method)
        return functools.partial(self.call, method)

    def call(self, method, *, timeout=CALL_SECONDS, metadata=None, **fields):
        request = make_request(method, fields)
        answer = getattr(self.stub, method)(request, timeout=timeout,
                                            metadata=metadata)
        # Of a stream, all messages.
        return list(answer) if method == "Scan" else answer

    def start(self, method, *, timeout=CALL_SECONDS, **fields):
        """The future of a unary call."""
        return getattr(self.stub, method).future(
            make_request(method, fields), timeout=timeout)

    def trailers_of(self, method, *, metadata=None, **fields):
        """The trailers of a unary call, as a dict, whatever its answer."""
        try:
            _, call = getattr(self.stub, method).with_call(
                make_request(method, fields), timeout=CALL_SECONDS,
                metadata=metadata)
        except grpc.RpcError as error:
            call = error
        return dict(call.trailing_metadata())

    def send_bytes(self, method, message, *, timeout=CALL_SECONDS):
        """Calls a method with a message that may be anything."""
        path = f"/{SERVICE}/{method}"
        if method == "Scan":
            return list(self.channel.unary_stream(path)(message,
                                                        timeout=timeout))
        return self.channel.unary_unary(path)(message, timeout=timeout)

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def make_request(method, fields):
    return getattr(pb, method + "Request")(**fields)


def fill_ledger(client, key, refusals):
    """Writes with new idempotency keys until so many are refused; returns how
    many were not."""
    refused = 0
    for number in range(2_000):
        try:
            client.Put(key=key, value=b"1",
                       idempotency_key=str(number).encode())
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            refused += 1
            if refused == refusals:
                return number + 1 - refused
    raise AssertionError("the ledger was never full")


class ErrorAnswer:
    """The parts of an error that an expect_error block has seen."""

    def __init__(self):
        self.code = None
        self.message = ""
        self.reason = None
        self.metadata = {}
        self.fields = []


def read_error(error):
    """What `error`, a grpc.RpcError, says, in full."""
    answer = ErrorAnswer()
    answer.code = error.code()
    answer.message = error.details()
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    if details is None:
        return answer
    status = rpc_status.Status.FromString(details)
    assert status.code == answer.code.value[0]
    assert status.message == answer.message
    for detail in status.details:
        if detail.Is(error_details.ErrorInfo.DESCRIPTOR):
            info = error_details.ErrorInfo()
            detail.Unpack(info)
            assert info.domain == "latchkey"
            # A code that says all has no reason, as UNAUTHENTICATED.
            assert info.reason in ("", *errors.ErrorReason.keys())
            answer.reason = info.reason
            answer.metadata = dict(info.metadata)
        elif detail.Is(error_details.BadRequest.DESCRIPTOR):
            bad_request = error_details.BadRequest()
            detail.Unpack(bad_request)
            assert all(violation.description
                       for violation in bad_request.field_violations)
            answer.fields = [violation.field
                             for violation in bad_request.field_violations]
    return answer


@contextlib.contextmanager
def expect_error(code, reason, **metadata):
    """Expects one call in the block to fail so; yields an ErrorAnswer.

    `metadata` are pairs that ErrorInfo.metadata must hold, among others.
    """
    answer = ErrorAnswer()
    try:
        yield answer
    except grpc.RpcError as error:
        answer.__dict__.update(read_error(error).__dict__)
    else:
        raise AssertionError(f"no error; expected {code} {reason}")
    assert (answer.code, answer.reason) == (code, reason), answer.message
    for name, value in metadata.items():
        assert answer.metadata.get(name) == value, (name, answer.metadata)
