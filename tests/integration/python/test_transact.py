"""Transact as it is meant to be used."""

import pytest
from api import pb
from conftest import value_of

HOUR = {"ttl": {"seconds": 3600}}


def kinds(answer):
    return [result.WhichOneof("kind") for result in answer.results]


def test_every_kind_of_operation_in_one_commit(cache, keys):
    cache.Put(key=keys("old"), value=value_of("old"))
    cache.Put(key=keys("source"), value=value_of("moved"))
    cache.Put(key=keys("rich"), value=b"100")
    last = cache.Put(key=keys("poor"), value=b"0").version

    answer = cache.Transact(on_success=[
        {"get": {"key": keys("old")}},
        {"put": {"key": keys("new"), "value": value_of("new"), "flags": 4}},
        {"delete": {"key": keys("old"), "return_previous": True}},
        {"increment": {"key": keys("n"), "delta": 2, "initial": 40}},
        {"touch": {"key": keys("new"), "expiration": HOUR}},
        {"move": {"source_key": keys("source"),
                  "destination_key": keys("destination")}},
        {"transfer": {"source_key": keys("rich"),
                      "destination_key": keys("poor"), "amount": 1}},
    ])
    assert answer.succeeded
    assert answer.version == last + 1
    assert kinds(answer) == ["get", "put", "delete", "increment", "touch",
                             "move", "transfer"]
    got, put, deleted, increment, touch, move, transfer = [
        getattr(result, result.WhichOneof("kind"))
        for result in answer.results]
    assert got.entry.value == value_of("old")
    assert deleted.deleted and deleted.previous.value == value_of("old")
    assert increment.value == 42
    assert touch.touched and touch.HasField("expire_time")
    assert (transfer.source_value, transfer.destination_value) == (99, 1)
    assert {put.version, deleted.version, increment.version, touch.version,
            move.version, transfer.version} == {answer.version}

    after = cache.BatchGet(keys=[
        keys(name) for name in
        ("old", "new", "n", "source", "destination", "rich", "poor")])
    assert [result.entry.value for result in after.results] == [
        b"", value_of("new"), b"42", b"", value_of("moved"), b"99", b"1"]
    assert {result.entry.version for result in after.results} == {
        0, answer.version}
    assert after.results[1].entry.expire_time == touch.expire_time


def test_each_operation_sees_those_before_it(cache, keys):
    answer = cache.Transact(on_success=[
        {"put": {"key": keys("n"), "value": b"1"}},
        {"increment": {"key": keys("n"), "delta": 1}},
        {"move": {"source_key": keys("n"), "destination_key": keys("m")}},
        {"get": {"key": keys("n")}},
        {"get": {"key": keys("m")}},
        {"delete": {"key": keys("m")}},
        {"get": {"key": keys("m")}},
    ])
    assert answer.results[1].increment.value == 2
    assert not answer.results[3].get.HasField("entry")
    assert answer.results[4].get.entry.value == b"2"
    assert answer.results[5].delete.deleted
    assert not answer.results[6].get.HasField("entry")
    assert not cache.Get(key=keys("m")).HasField("entry")


def test_a_transaction_may_write_one_key_twice(cache, keys):
    cache.Transact(on_success=[
        {"put": {"key": keys("a"), "value": value_of("one")}},
        {"put": {"key": keys("a"), "value": value_of("two")}},
    ])
    assert cache.Get(key=keys("a")).entry.value == value_of("two")


def test_the_values_of_two_keys_are_exchanged(cache, keys):
    cache.Put(key=keys("a"), value=value_of("one"))
    cache.Put(key=keys("b"), value=value_of("two"))
    cache.Transact(on_success=[
        {"move": {"source_key": keys("a"), "destination_key": keys("c")}},
        {"move": {"source_key": keys("b"), "destination_key": keys("a")}},
        {"move": {"source_key": keys("c"), "destination_key": keys("b")}},
    ])
    answer = cache.BatchGet(keys=[keys("a"), keys("b"), keys("c")])
    assert [result.entry.value for result in answer.results] == [
        value_of("two"), value_of("one"), b""]


@pytest.mark.parametrize("compare, holds", [
    (lambda version: {"exists": True}, True),
    (lambda version: {"exists": False}, False),
    (lambda version: {"version": version}, True),
    (lambda version: {"version": version + 1}, False),
    (lambda version: {"value": value_of("one")}, True),
    (lambda version: {"value": value_of("two")}, False),
    (lambda version: {"value": b""}, False),
], ids=["exists", "missing", "version", "other version", "value",
        "other value", "empty value"])
def test_compares_choose_what_runs(cache, keys, compare, holds):
    version = cache.Put(key=keys("a"), value=value_of("one")).version
    answer = cache.Transact(
        compares=[{"key": keys("a"), "precondition": compare(version)}],
        on_success=[{"put": {"key": keys("b"), "value": value_of("success")}}],
        on_failure=[{"put": {"key": keys("b"), "value": value_of("failure")}},
                    {"get": {"key": keys("a")}}])
    assert answer.succeeded == holds
    assert kinds(answer) == (["put"] if holds else ["put", "get"])
    assert answer.version > version
    chosen = value_of("success" if holds else "failure")
    assert cache.Get(key=keys("b")).entry.value == chosen


@pytest.mark.parametrize("precondition, holds", [
    ({"exists": False}, True), ({"exists": True}, False),
    ({"version": 1}, False), ({"value": b""}, False),
], ids=["missing", "exists", "version", "empty value"])
def test_compares_of_a_missing_key(cache, keys, precondition, holds):
    answer = cache.Transact(
        compares=[{"key": keys("missing"), "precondition": precondition}])
    assert answer.succeeded == holds
    assert (answer.version, len(answer.results)) == (0, 0)


def test_all_compares_must_hold(cache, keys):
    cache.Put(key=keys("a"), value=value_of("one"))
    cache.Put(key=keys("b"), value=value_of("one"))
    answer = cache.Transact(
        compares=[
            {"key": keys("a"), "precondition": {"value": value_of("one")}},
            {"key": keys("b"), "precondition": {"value": value_of("two")}},
        ],
        on_success=[{"delete": {"key": keys("a")}}])
    # A compare that fails is an answer, not an error.
    assert not answer.succeeded
    assert (answer.version, len(answer.results)) == (0, 0)
    assert cache.Get(key=keys("a")).HasField("entry")


def test_compares_speak_of_the_state_before_the_transaction(cache, keys):
    answer = cache.Transact(
        compares=[{"key": keys("a"), "precondition": {"exists": False}}],
        on_success=[{"put": {"key": keys("a"), "value": value_of("one"),
                             "precondition": {"exists": False}}}])
    assert answer.succeeded


def test_what_changes_nothing_has_version_0(cache, keys):
    cache.Put(key=keys("a"), value=value_of("one"))
    read = cache.Transact(on_success=[{"get": {"key": keys("a")}},
                                      {"delete": {"key": keys("missing")}},
                                      {"touch": {"key": keys("missing")}}])
    assert read.succeeded
    assert read.version == 0
    assert kinds(read) == ["get", "delete", "touch"]
    assert cache.Transact() == pb.TransactResponse(succeeded=True)
