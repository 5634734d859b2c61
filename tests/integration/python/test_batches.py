"""BatchGet, BatchPut and BatchDelete as they are meant to be used."""

import pytest
from client import Client
from conftest import value_of
from metrics import scrape


def test_batch_get_answers_in_the_order_of_the_request(cache, keys):
    cache.Put(key=keys("a"), value=value_of("one"))
    cache.Put(key=keys("b"), value=value_of("two"))
    answer = cache.BatchGet(
        keys=[keys("b"), keys("missing"), keys("a"), keys("b")])
    assert [result.entry.value for result in answer.results] == [
        value_of("two"), b"", value_of("one"), value_of("two")]
    assert [result.HasField("entry") for result in answer.results] == [
        True, False, True, True]
    assert answer.snapshot_version == 0


def test_a_large_batch_goes_through_the_bulk_lane(start_server):
    server = start_server("--bulk-threads=2")
    waited = 'latchkey_lane_queue_wait_seconds_count'
    with Client(server.address) as cache:
        names = [f"k{i}".encode() for i in range(9_999)]
        for i in range(0, len(names), 100):
            cache.BatchPut(puts=[dict(key=name, value=b"v" + name)
                                 for name in names[i:i + 100]])
        assert scrape(server).value(waited, lane="bulk") == 100
        answer = cache.BatchGet(keys=names + [b"missing"])
        assert [result.entry.value for result in answer.results] == [
            b"v" + name for name in names] + [b""]
        assert scrape(server).value(waited, lane="bulk") == 101
        cache.BatchGet(keys=names[:64])
        assert scrape(server).value(waited, lane="bulk") == 101


def test_an_atomic_batch_get_names_its_moment(cache, keys):
    cache.Put(key=keys("a"), value=value_of("one"))
    last = cache.Put(key=keys("b"), value=value_of("two")).version
    answer = cache.BatchGet(keys=[keys("a"), keys("missing"), keys("b")],
                            atomic=True)
    assert [result.entry.value for result in answer.results] == [
        value_of("one"), b"", value_of("two")]
    assert answer.snapshot_version == last


def test_batch_put_writes_all_with_one_version(cache, keys):
    before = cache.Put(key=keys("b"), value=value_of("old"), flags=3)
    answer = cache.BatchPut(puts=[
        {"key": keys("a"), "value": value_of("one"), "return_previous": True},
        {"key": keys("b"), "value": value_of("two"), "return_previous": True},
        {"key": keys("c"), "value": value_of("three"), "flags": 9,
         "expiration": {"ttl": {"seconds": 3600}}},
    ])
    assert len(answer.results) == 3
    versions = {result.version for result in answer.results}
    assert versions == {before.version + 1}
    assert not answer.results[0].HasField("previous")
    assert answer.results[1].previous.value == value_of("old")
    assert answer.results[1].previous.flags == 3
    assert answer.results[2].HasField("expire_time")

    entries = [result.entry for result in cache.BatchGet(
        keys=[keys("a"), keys("b"), keys("c")]).results]
    assert [entry.value for entry in entries] == [
        value_of("one"), value_of("two"), value_of("three")]
    assert {entry.version for entry in entries} == versions
    assert entries[2].flags == 9
    assert entries[2].expire_time == answer.results[2].expire_time


def test_batch_put_holds_the_preconditions_of_each_write(cache, keys):
    version = cache.Put(key=keys("a"), value=value_of("one")).version
    cache.BatchPut(puts=[
        {"key": keys("a"), "value": value_of("two"),
         "precondition": {"version": version}},
        {"key": keys("b"), "value": value_of("three"),
         "precondition": {"exists": False}},
    ])
    assert cache.Get(key=keys("a")).entry.value == value_of("two")
    assert cache.Get(key=keys("b")).entry.value == value_of("three")


def test_batch_delete_removes_what_is_there_with_one_version(cache, keys):
    cache.Put(key=keys("a"), value=value_of("one"))
    last = cache.Put(key=keys("b"), value=value_of("two")).version
    answer = cache.BatchDelete(deletes=[
        {"key": keys("a"), "return_previous": True},
        {"key": keys("missing"), "return_previous": True},
        {"key": keys("b")},
    ])
    assert [result.deleted for result in answer.results] == [True, False, True]
    assert [result.version for result in answer.results] == [
        last + 1, 0, last + 1]
    assert answer.results[0].previous.value == value_of("one")
    assert not answer.results[1].HasField("previous")
    assert not answer.results[2].HasField("previous")
    left = cache.BatchGet(keys=[keys("a"), keys("b")]).results
    assert not any(result.HasField("entry") for result in left)


@pytest.mark.parametrize("method", ["BatchGet", "BatchPut", "BatchDelete"])
def test_an_empty_batch_has_an_empty_answer(cache, method):
    assert len(cache.call(method).results) == 0
