"""Bad input: one row for each field that can be bad, in each RPC that has it.

Every row sees the reason, the path of the field and, on a write, that it was
not applied.
"""

import dataclasses
import time
from typing import Callable

import pytest
from api import (BATCH_GET_KEYS_MAX, IDEMPOTENCY_KEY_BYTES_MAX, INT64_MAX,
                 KEY_BYTES_MAX, OPERATIONS_MAX, VALUE_BYTES_MAX)
from client import READS, WRITES, expect_error
from conftest import value_of
from grpc import StatusCode


@dataclasses.dataclass(frozen=True)
class Row:
    """`fields` names the paths that the error may name; `request(k)` makes the
    fields of the call."""

    name: str
    method: str
    request: Callable
    reason: str
    fields: tuple


VALUE = value_of("one")

# Where a key can stand: method, the request around it, its path.
KEY_SITES = [
    ("Get", lambda k, key: {"key": key}, "key"),
    ("BatchGet", lambda k, key: {"keys": [k("a"), key]}, "keys[1]"),
    ("BatchGet", lambda k, key: {"keys": [k("a"), key], "atomic": True},
     "keys[1]"),
    ("Put", lambda k, key: {"key": key, "value": VALUE}, "key"),
    ("BatchPut", lambda k, key: {"puts": [{"key": k("a")}, {"key": key}]},
     "puts[1].key"),
    ("Delete", lambda k, key: {"key": key}, "key"),
    ("BatchDelete", lambda k, key: {"deletes": [{"key": k("a")},
                                                {"key": key}]},
     "deletes[1].key"),
    ("Increment", lambda k, key: {"key": key, "delta": 1}, "key"),
    ("Touch", lambda k, key: {"key": key}, "key"),
    ("Move", lambda k, key: {"source_key": key, "destination_key": k("a")},
     "source_key"),
    ("Move", lambda k, key: {"source_key": k("a"), "destination_key": key},
     "destination_key"),
    ("Transfer", lambda k, key: {"source_key": key, "amount": 1,
                                 "destination_key": k("a")}, "source_key"),
    ("Transfer", lambda k, key: {"source_key": k("a"), "amount": 1,
                                 "destination_key": key}, "destination_key"),
    ("Transact", lambda k, key: {"compares": [
        {"key": key, "precondition": {"exists": True}}]}, "compares[0].key"),
]

# The same keys as fields of operations, in the list that runs and in the one
# that does not.
OPERATION_KEY_SITES = [
    ("get", "key", {}),
    ("put", "key", {"value": VALUE}),
    ("delete", "key", {}),
    ("increment", "key", {"delta": 1}),
    ("touch", "key", {}),
    ("move", "source_key", {"destination_key": b"to"}),
    ("move", "destination_key", {"source_key": b"from"}),
    ("transfer", "source_key", {"destination_key": b"to", "amount": 1}),
    ("transfer", "destination_key", {"source_key": b"from", "amount": 1}),
]


def key_sites():
    yield from KEY_SITES
    for kind, field, others in OPERATION_KEY_SITES:
        for side in ("on_success", "on_failure"):
            yield ("Transact",
                   lambda k, key, side=side, kind=kind, field=field,
                   others=others: {side: [{"get": {"key": k("a")}},
                                          {kind: {field: key, **others}}]},
                   f"{side}[1].{kind}.{field}")


def key_rows():
    for method, request, path in key_sites():
        for name, key in (("empty", b""), ("long", b"k" * (KEY_BYTES_MAX + 1))):
            yield Row(f"{name} key", method,
                      lambda k, request=request, key=key: request(k, key),
                      "INVALID_KEY", (path,))


LONG_VALUE = b"v" * (VALUE_BYTES_MAX + 1)


def value_rows():
    def row(method, path, request):
        return Row("value", method, request, "VALUE_TOO_LARGE", (path,))

    demand = {"value": LONG_VALUE}
    yield row("Put", "value", lambda k: {"key": k("a"), "value": LONG_VALUE})
    yield row("BatchPut", "puts[1].value", lambda k: {"puts": [
        {"key": k("a")}, {"key": k("b"), "value": LONG_VALUE}]})
    yield row("Transact", "on_success[0].put.value", lambda k: {
        "on_success": [{"put": {"key": k("a"), "value": LONG_VALUE}}]})
    yield row("Put", "precondition.value", lambda k: {
        "key": k("a"), "precondition": demand})
    yield row("Delete", "precondition.value", lambda k: {
        "key": k("a"), "precondition": demand})
    yield row("Transact", "compares[0].precondition.value", lambda k: {
        "compares": [{"key": k("a"), "precondition": demand}]})


CENTURY = 36525 * 86400

# By name: the expiration and the field of it that is bad.
BAD_EXPIRATIONS = {
    "ttl 0": ({"ttl": {}}, "ttl"),
    "negative ttl": ({"ttl": {"seconds": -1}}, "ttl"),
    "ttl of a negative nanosecond": ({"ttl": {"nanos": -1}}, "ttl"),
    "ttl over a hundred years": ({"ttl": {"seconds": CENTURY + 1}}, "ttl"),
    "ttl that overflows": ({"ttl": {"seconds": INT64_MAX}}, "ttl"),
    "ttl of mixed signs": ({"ttl": {"seconds": 5, "nanos": -1}}, "ttl"),
    "ttl of too many nanoseconds": (
        {"ttl": {"seconds": 5, "nanos": 1_000_000_000}}, "ttl"),
    "expire_time 0": ({"expire_time": {}}, "expire_time"),
    "expire_time in the past": (
        {"expire_time": {"seconds": int(time.time()) - 60}}, "expire_time"),
    "expire_time over a hundred years ahead": (
        {"expire_time": {"seconds": int(time.time()) + CENTURY + 86400}},
        "expire_time"),
    "expire_time that overflows": (
        {"expire_time": {"seconds": INT64_MAX}}, "expire_time"),
    "expire_time of too many nanoseconds": (
        {"expire_time": {"seconds": int(time.time()) + 60,
                         "nanos": 1_000_000_000}}, "expire_time"),
    "keep=false": ({"keep": False}, "keep"),
}

EXPIRATION_SITES = [
    ("Get", lambda k, e: {"key": k("a"), "touch": e}, "touch"),
    ("Put", lambda k, e: {"key": k("a"), "expiration": e}, "expiration"),
    ("Touch", lambda k, e: {"key": k("a"), "expiration": e}, "expiration"),
    ("Increment", lambda k, e: {"key": k("n"), "initial": 0,
                                "expiration": e}, "expiration"),
    ("BatchPut", lambda k, e: {"puts": [
        {"key": k("b")}, {"key": k("a"), "expiration": e}]},
     "puts[1].expiration"),
    ("Transact", lambda k, e: {"on_success": [
        {"touch": {"key": k("a"), "expiration": e}}]},
     "on_success[0].touch.expiration"),
    ("Transact", lambda k, e: {"on_success": [
        {"get": {"key": k("a"), "touch": e}}]}, "on_success[0].get.touch"),
]


def expiration_rows():
    for method, request, path in EXPIRATION_SITES:
        for name, (expiration, field) in BAD_EXPIRATIONS.items():
            # What is wrong may be said of the expiration or of its kind.
            yield Row(name, method,
                      lambda k, request=request, expiration=expiration:
                      request(k, expiration), "INVALID_EXPIRATION",
                      (path, f"{path}.{field}"))


def numbered(k, count):
    return [k(number) for number in range(count)]


def operations(k, count):
    return [{"get": {"key": key}} for key in numbered(k, count)]


TOO_MANY = OPERATIONS_MAX + 1
LISTS = ("compares", "on_success", "on_failure")


def count_rows():
    def row(method, fields, request):
        return Row("too many", method, request, "TOO_MANY_OPERATIONS", fields)

    yield row("BatchGet", ("keys",), lambda k: {
        "keys": [k("a")] * (BATCH_GET_KEYS_MAX + 1)})
    yield row("BatchGet", ("keys",), lambda k: {
        "keys": numbered(k, TOO_MANY), "atomic": True})
    yield row("BatchPut", ("puts",), lambda k: {
        "puts": [{"key": key} for key in numbered(k, TOO_MANY)]})
    yield row("BatchDelete", ("deletes",), lambda k: {
        "deletes": [{"key": key} for key in numbered(k, TOO_MANY)]})
    yield row("Transact", LISTS, lambda k: {
        "on_success": operations(k, TOO_MANY)})
    yield row("Transact", LISTS, lambda k: {
        "on_failure": operations(k, TOO_MANY)})
    yield row("Transact", LISTS, lambda k: {
        "compares": [{"key": key, "precondition": {"exists": True}}
                     for key in numbered(k, TOO_MANY)]})
    # Counted together.
    yield row("Transact", LISTS, lambda k: {
        "compares": [{"key": k("a"), "precondition": {"exists": True}}],
        "on_success": operations(k, 64), "on_failure": operations(k, 64)})


LONG_ID = b"i" * (IDEMPOTENCY_KEY_BYTES_MAX + 1)

# A good request of each write.
WRITE_REQUESTS = {
    "Put": lambda k: {"key": k("a"), "value": VALUE},
    "BatchPut": lambda k: {"puts": [{"key": k("a"), "value": VALUE}]},
    "Delete": lambda k: {"key": k("a")},
    "BatchDelete": lambda k: {"deletes": [{"key": k("a")}]},
    "Increment": lambda k: {"key": k("n"), "initial": 0},
    "Touch": lambda k: {"key": k("a")},
    "Move": lambda k: {"source_key": k("a"), "destination_key": k("b")},
    "Transfer": lambda k: {"source_key": k("a"), "destination_key": k("b"),
                           "amount": 1},
    "Transact": lambda k: {"on_success": [{"put": {"key": k("a")}}]},
}


def idempotency_rows():
    for method, request in WRITE_REQUESTS.items():
        yield Row("long id", method,
                  lambda k, request=request: {**request(k),
                                              "idempotency_key": LONG_ID},
                  "INVALID_IDEMPOTENCY_KEY", ("idempotency_key",))
    for batch, field in (("BatchPut", "puts"), ("BatchDelete", "deletes")):
        yield Row("id inside", batch, lambda k, field=field: {field: [
            {"key": k("a")}, {"key": k("b"), "idempotency_key": b"i"}]},
            "INVALID_IDEMPOTENCY_KEY", (f"{field}[1].idempotency_key",))
    for method in ("Put", "Delete", "Increment", "Touch", "Move", "Transfer"):
        kind = method.lower()
        yield Row(f"id inside {kind}", "Transact",
                  lambda k, method=method, kind=kind: {"on_success": [
                      {kind: {**WRITE_REQUESTS[method](k),
                              "idempotency_key": b"i"}}]},
                  "INVALID_IDEMPOTENCY_KEY",
                  (f"on_success[0].{kind}.idempotency_key",))
    yield Row("no id", "GetOutcome", lambda k: {}, "INVALID_IDEMPOTENCY_KEY",
              ("idempotency_key",))
    yield Row("long id", "GetOutcome", lambda k: {"idempotency_key": LONG_ID},
              "INVALID_IDEMPOTENCY_KEY", ("idempotency_key",))


def invalid(name, method, field, request):
    return Row(name, method, request, "INVALID_FIELD",
               field if isinstance(field, tuple) else (field,))


OTHER_ROWS = [
    Row("key twice", "BatchPut", lambda k: {"puts": [
        {"key": k("a")}, {"key": k("b")}, {"key": k("a")}]},
        "DUPLICATE_KEY", ("puts[2].key",)),
    Row("key twice", "BatchDelete", lambda k: {"deletes": [
        {"key": k("a")}, {"key": k("a")}]},
        "DUPLICATE_KEY", ("deletes[1].key",)),
    invalid("version 0", "Put", "precondition.version", lambda k: {
        "key": k("a"), "precondition": {"version": 0}}),
    invalid("version 0", "Delete", "precondition.version", lambda k: {
        "key": k("a"), "precondition": {"version": 0}}),
    invalid("version 0", "Move", "source_precondition.version", lambda k: {
        "source_key": k("a"), "destination_key": k("b"),
        "source_precondition": {"version": 0}}),
    invalid("version 0", "Move", "destination_precondition.version",
            lambda k: {"source_key": k("a"), "destination_key": k("b"),
                       "destination_precondition": {"version": 0}}),
    invalid("version 0", "Transact", "compares[0].precondition.version",
            lambda k: {"compares": [{"key": k("a"),
                                     "precondition": {"version": 0}}]}),
    invalid("compare of nothing", "Transact", "compares[0].precondition",
            lambda k: {"compares": [{"key": k("a")}]}),
    invalid("compare with an empty demand", "Transact",
            "compares[0].precondition",
            lambda k: {"compares": [{"key": k("a"), "precondition": {}}]}),
    invalid("operation of no kind", "Transact",
            ("on_success[1]", "on_success[1].kind"),
            lambda k: {"on_success": [{"get": {"key": k("a")}}, {}]}),
    invalid("operation of no kind", "Transact",
            ("on_failure[0]", "on_failure[0].kind"),
            lambda k: {"on_failure": [{}]}),
    invalid("min over max", "Increment", ("min", "max"),
            lambda k: {"key": k("n"), "initial": 0, "min": 2, "max": 1}),
    invalid("onto itself", "Move", "destination_key", lambda k: {
        "source_key": k("a"), "destination_key": k("a")}),
    invalid("onto itself", "Transfer", "destination_key", lambda k: {
        "source_key": k("a"), "destination_key": k("a"), "amount": 1}),
    invalid("amount 0", "Transfer", "amount", lambda k: {
        "source_key": k("a"), "destination_key": k("b")}),
    invalid("amount of 64 bits", "Transfer", "amount", lambda k: {
        "source_key": k("a"), "destination_key": k("b"),
        "amount": INT64_MAX + 1}),
    invalid("lease token inside", "BatchPut", "puts[0].lease_token",
            lambda k: {"puts": [{"key": k("a"), "lease_token": b"t"}]}),
    invalid("lease token inside", "Transact", "on_success[0].put.lease_token",
            lambda k: {"on_success": [{"put": {"key": k("a"),
                                               "lease_token": b"t"}}]}),
    invalid("lease inside", "Transact", "on_success[0].get.lease",
            lambda k: {"on_success": [{"get": {
                "key": k("a"), "lease": {"ttl": {"seconds": 1}}}}]}),
    invalid("large page", "Scan", "page_size", lambda k: {"page_size": 1001}),
    invalid("unknown consistency", "Scan", "consistency",
            lambda k: {"consistency": 2}),
    Row("long prefix", "Scan", lambda k: {"prefix": b"p" * 1025},
        "INVALID_KEY", ("prefix",)),
]

ROWS = [*key_rows(), *value_rows(), *expiration_rows(), *count_rows(),
        *idempotency_rows(), *OTHER_ROWS]


@pytest.mark.parametrize(
    "row", ROWS,
    ids=[f"{row.method} {row.fields[-1]}: {row.name}" for row in ROWS])
def test_row(cache, keys, row):
    with expect_error(StatusCode.INVALID_ARGUMENT, row.reason) as error:
        cache.call(row.method, **row.request(keys))
    assert len(error.fields) == 1
    assert error.fields[0] in row.fields
    assert error.message.startswith(error.fields[0])
    if row.method in WRITES:
        assert error.metadata.get("applied") == "no"
    elif row.method in READS and "touch" not in row.fields[0]:
        assert "applied" not in error.metadata


def test_a_batch_with_one_bad_write_changes_nothing(cache, keys):
    with expect_error(StatusCode.INVALID_ARGUMENT, "INVALID_KEY"):
        cache.BatchPut(puts=[{"key": keys("a"), "value": VALUE}, {}])
    assert not cache.Get(key=keys("a")).HasField("entry")
