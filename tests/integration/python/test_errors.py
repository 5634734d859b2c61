"""The rows of the error table that depend on the data: one row for each case.

Every row also sees that the call changed nothing.
"""

import dataclasses
from typing import Callable, Mapping

import pytest
from api import INT64_MAX, INT64_MIN
from client import WRITES, expect_error
from conftest import value_of
from grpc import StatusCode


@dataclasses.dataclass(frozen=True)
class Row:
    """`request(k)` makes the fields of the call of keys by their names."""

    name: str
    method: str
    request: Callable
    code: StatusCode
    reason: str
    # What is there before, by name of the key.
    given: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    # The key whose version is metadata current_version; "" for a missing one.
    current_version_of: str = None
    index: int = None


ONE, TWO = value_of("one"), value_of("two")

# What a precondition can find, by name: is the key there, the demand, the
# answer.
DEMANDS = {
    "exists, missing": (False, {"exists": True}, StatusCode.ABORTED,
                        "PRECONDITION_FAILED"),
    "version, missing": (False, {"version": 1}, StatusCode.ABORTED,
                         "PRECONDITION_FAILED"),
    "value, missing": (False, {"value": ONE}, StatusCode.ABORTED,
                       "PRECONDITION_FAILED"),
    "empty value, missing": (False, {"value": b""}, StatusCode.ABORTED,
                             "PRECONDITION_FAILED"),
    "other version": (True, {"version": 1}, StatusCode.ABORTED,
                      "PRECONDITION_FAILED"),
    "other value": (True, {"value": TWO}, StatusCode.ABORTED,
                    "PRECONDITION_FAILED"),
    "must not exist": (True, {"exists": False}, StatusCode.ALREADY_EXISTS,
                       "KEY_EXISTS"),
}

# Where a precondition on the key "a" can stand: method, request, what else is
# there, index in the error.
DEMAND_SITES = {
    "Put": ("Put", lambda k, p: {
        "key": k("a"), "value": TWO, "precondition": p}, {}, None),
    "Delete": ("Delete", lambda k, p: {
        "key": k("a"), "precondition": p}, {}, None),
    "Move destination": ("Move", lambda k, p: {
        "source_key": k("b"), "destination_key": k("a"), "overwrite": True,
        "destination_precondition": p}, {"b": TWO}, None),
    "BatchPut": ("BatchPut", lambda k, p: {"puts": [
        {"key": k("b"), "value": ONE},
        {"key": k("a"), "value": TWO, "precondition": p}]}, {"b": TWO}, 1),
    "BatchDelete": ("BatchDelete", lambda k, p: {"deletes": [
        {"key": k("b")}, {"key": k("c")},
        {"key": k("a"), "precondition": p}]}, {"b": TWO}, 2),
    "Transact put": ("Transact", lambda k, p: {"on_success": [
        {"put": {"key": k("b"), "value": ONE}},
        {"put": {"key": k("a"), "value": TWO, "precondition": p}}]},
        {"b": TWO}, 1),
    "Transact delete": ("Transact", lambda k, p: {"on_success": [
        {"delete": {"key": k("a"), "precondition": p}}]}, {}, 0),
}


def precondition_rows():
    for site, (method, request, others, index) in DEMAND_SITES.items():
        for demand, (present, condition, code, reason) in DEMANDS.items():
            yield Row(
                f"{site}: {demand}", method,
                lambda k, request=request, condition=condition: request(
                    k, condition), code, reason,
                given={**others, **({"a": ONE} if present else {})},
                current_version_of="a" if present else "", index=index)
    # The source of a Move has to be there in any case.
    for name in ("other version", "other value"):
        _, condition, code, reason = DEMANDS[name]
        yield Row(f"Move source: {name}", "Move",
                  lambda k, condition=condition: {
                      "source_key": k("a"), "destination_key": k("b"),
                      "source_precondition": condition},
                  code, reason, given={"a": ONE}, current_version_of="a")


def increment(**fields):
    return lambda k: {"key": k("n"), **fields}


def transfer(**fields):
    return lambda k: {"source_key": k("from"), "destination_key": k("to"),
                      "amount": 5, **fields}


def move(**fields):
    return lambda k: {"source_key": k("from"), "destination_key": k("to"),
                      **fields}


def text(number):
    return str(number).encode()


NOT_FOUND = (StatusCode.NOT_FOUND, "KEY_NOT_FOUND")
COUNTER_LIMIT = (StatusCode.OUT_OF_RANGE, "COUNTER_LIMIT")
NOT_A_COUNTER = (StatusCode.FAILED_PRECONDITION, "NOT_A_COUNTER")
KEY_EXISTS = (StatusCode.ALREADY_EXISTS, "KEY_EXISTS")

ROWS = [
    *precondition_rows(),
    Row("Move onto an existing key", "Move", move(), *KEY_EXISTS,
        given={"from": ONE, "to": TWO}, current_version_of="to"),
    Row("Move of a missing source", "Move", move(), *NOT_FOUND,
        given={"to": TWO}),
    Row("Move of a missing source over another", "Move", move(overwrite=True),
        *NOT_FOUND, given={"to": TWO}),
    Row("Move of nothing to nowhere", "Move", move(), *NOT_FOUND),
    Row("Increment without initial", "Increment", increment(delta=1),
        *NOT_FOUND),
    Row("Increment over max", "Increment", increment(delta=2, max=11),
        *COUNTER_LIMIT, given={"n": b"10"}),
    Row("Increment under min", "Increment", increment(delta=-2, min=9),
        *COUNTER_LIMIT, given={"n": b"10"}),
    Row("Increment that stays over max", "Increment",
        increment(delta=-1, max=5), *COUNTER_LIMIT, given={"n": b"10"}),
    Row("Increment over 64 bits", "Increment", increment(delta=1),
        *COUNTER_LIMIT, given={"n": text(INT64_MAX)}),
    Row("Increment under 64 bits", "Increment", increment(delta=-1),
        *COUNTER_LIMIT, given={"n": text(INT64_MIN)}),
    Row("Increment of a new counter over max", "Increment",
        increment(delta=1, initial=5, max=5), *COUNTER_LIMIT),
    Row("Increment of a new counter over 64 bits", "Increment",
        increment(delta=1, initial=INT64_MAX), *COUNTER_LIMIT),
    *[Row(f"Increment of {value!r}", "Increment", increment(delta=1),
          *NOT_A_COUNTER, given={"n": value})
      for value in (b"", b"x", b"1x", b" 1", b"1 ", b"1.0", b"0x10", b"-",
                    b"1\x00", b"\xff", text(INT64_MAX + 1),
                    text(INT64_MIN - 1), b"1" * 1000)],
    Row("Transfer of a missing source", "Transfer", transfer(), *NOT_FOUND,
        given={"to": b"0"}),
    Row("Transfer to a missing destination", "Transfer", transfer(),
        *NOT_FOUND, given={"from": b"10"}),
    Row("Transfer of a missing source to a new counter", "Transfer",
        transfer(create_destination=True), *NOT_FOUND),
    Row("Transfer of more than there is", "Transfer", transfer(),
        *COUNTER_LIMIT, given={"from": b"4", "to": b"0"}),
    Row("Transfer under source_min", "Transfer", transfer(source_min=6),
        *COUNTER_LIMIT, given={"from": b"10", "to": b"0"}),
    Row("Transfer under 64 bits", "Transfer",
        transfer(source_min=INT64_MIN), *COUNTER_LIMIT,
        given={"from": text(INT64_MIN + 4), "to": b"0"}),
    Row("Transfer over 64 bits", "Transfer", transfer(), *COUNTER_LIMIT,
        given={"from": b"10", "to": text(INT64_MAX - 4)}),
    Row("Transfer that fails creates no destination", "Transfer",
        transfer(create_destination=True), *COUNTER_LIMIT,
        given={"from": b"4"}),
    Row("Transfer from what is no counter", "Transfer", transfer(),
        *NOT_A_COUNTER, given={"from": ONE, "to": b"0"}),
    Row("Transfer to what is no counter", "Transfer", transfer(),
        *NOT_A_COUNTER, given={"from": b"10", "to": ONE}),
    Row("Transact undoes what came before", "Transact", lambda k: {
        "on_success": [
            {"put": {"key": k("a"), "value": TWO}},
            {"put": {"key": k("new"), "value": TWO}},
            {"delete": {"key": k("b")}},
            {"touch": {"key": k("c"),
                       "expiration": {"ttl": {"seconds": 60}}}},
            {"move": {"source_key": k("d"), "destination_key": k("e")}},
            {"increment": {"key": k("n"), "delta": 1}},
            {"transfer": {"source_key": k("n"), "destination_key": k("m"),
                          "amount": 1}},
            {"increment": {"key": k("missing"), "delta": 1}},
        ]}, *NOT_FOUND, index=7,
        given={"a": ONE, "b": ONE, "c": ONE, "d": ONE, "n": b"1", "m": b"1"}),
    Row("Transact names the operation of on_failure", "Transact", lambda k: {
        "compares": [{"key": k("a"), "precondition": {"exists": True}}],
        "on_success": [{"get": {"key": k("a")}}],
        "on_failure": [
            {"put": {"key": k("a"), "value": TWO}},
            {"increment": {"key": k("b"), "delta": 1}},
        ]}, *NOT_A_COUNTER, index=1, given={"b": ONE}),
    Row("Transact sees its own put as an existing key", "Transact",
        lambda k: {"on_success": [
            {"put": {"key": k("a"), "value": ONE}},
            {"put": {"key": k("a"), "value": TWO,
                     "precondition": {"exists": False}}},
        ]}, *KEY_EXISTS, index=1),
    Row("Transact moves onto an existing key", "Transact", lambda k: {
        "on_success": [{"move": move()(k)}]}, *KEY_EXISTS, index=0,
        given={"from": ONE, "to": TWO}, current_version_of="to"),
    Row("Transact transfers more than there is", "Transact", lambda k: {
        "on_success": [{"transfer": transfer()(k)}]}, *COUNTER_LIMIT, index=0,
        given={"from": b"4", "to": b"0"}),
]


def state_of(cache, keys):
    """What every key of the test holds, the expiry included."""
    return {name: cache.Get(key=key).entry for name, key in keys.items()}


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_row(cache, keys, row):
    for name, value in row.given.items():
        cache.Put(key=keys(name), value=value)
    request = row.request(keys)
    before = state_of(cache, keys)

    metadata = {"applied": "no"} if row.method in WRITES else {}
    if row.current_version_of is not None:
        entry = before.get(row.current_version_of)
        metadata["current_version"] = str(entry.version if entry else 0)
    if row.index is not None:
        metadata["index"] = str(row.index)
    with expect_error(row.code, row.reason, **metadata) as error:
        cache.call(row.method, **request)

    assert error.message
    assert not error.fields
    assert row.index is not None or "index" not in error.metadata
    assert state_of(cache, keys) == before
