"""Get, Put and Delete as they are meant to be used."""

import pytest
from conftest import value_of


def test_what_was_put_is_what_one_gets(cache, keys):
    put = cache.Put(key=keys("a"), value=value_of("one"), flags=0xFFFFFFFF)
    assert put.version > 0
    assert not put.HasField("expire_time")
    assert not put.HasField("previous")

    entry = cache.Get(key=keys("a")).entry
    assert entry.key == keys("a")
    assert entry.value == value_of("one")
    assert entry.version == put.version
    assert entry.flags == 0xFFFFFFFF
    assert not entry.HasField("expire_time")


def test_a_miss_is_an_ok_answer_without_an_entry(cache, keys):
    answer = cache.Get(key=keys("missing"))
    assert not answer.HasField("entry")
    assert not answer.not_modified
    assert not answer.HasField("lease")
    assert not answer.HasField("expire_time")


def test_a_put_replaces_value_flags_and_version(cache, keys):
    first = cache.Put(key=keys("a"), value=value_of("one"), flags=7)
    second = cache.Put(key=keys("a"), value=value_of("two"))
    assert second.version > first.version
    entry = cache.Get(key=keys("a")).entry
    assert (entry.value, entry.flags) == (value_of("two"), 0)


def test_put_returns_the_entry_it_replaced_where_asked(cache, keys):
    first = cache.Put(key=keys("a"), value=value_of("one"), flags=7,
                      return_previous=True)
    assert not first.HasField("previous")
    second = cache.Put(key=keys("a"), value=value_of("two"),
                       return_previous=True)
    assert second.previous.key == keys("a")
    assert second.previous.value == value_of("one")
    assert second.previous.version == first.version
    assert second.previous.flags == 7
    third = cache.Put(key=keys("a"), value=value_of("three"))
    assert not third.HasField("previous")


def test_a_commit_has_the_next_version_after_the_last(cache, keys):
    first = cache.Put(key=keys("a"), value=value_of("one")).version
    assert cache.Put(key=keys("b"), value=value_of("x")).version == first + 1
    assert cache.Delete(key=keys("a")).version == first + 2
    # What changes nothing takes no version.
    assert cache.Delete(key=keys("a")).version == 0
    assert cache.Put(key=keys("a"), value=value_of("y")).version == first + 3


def test_get_of_a_known_version_sends_no_entry(cache, keys):
    version = cache.Put(key=keys("a"), value=value_of("one")).version

    same = cache.Get(key=keys("a"), if_version_not=version)
    assert same.not_modified
    assert not same.HasField("entry")

    other = cache.Get(key=keys("a"), if_version_not=version - 1)
    assert not other.not_modified
    assert other.entry.value == value_of("one")

    missing = cache.Get(key=keys("missing"), if_version_not=version)
    assert not missing.not_modified
    assert not missing.HasField("entry")


def test_delete_removes_and_says_whether_there_was_an_entry(cache, keys):
    put = cache.Put(key=keys("a"), value=value_of("one"), flags=7)
    deleted = cache.Delete(key=keys("a"), return_previous=True)
    assert deleted.deleted
    assert deleted.version > put.version
    assert deleted.previous.key == keys("a")
    assert deleted.previous.value == value_of("one")
    assert deleted.previous.version == put.version
    assert deleted.previous.flags == 7
    assert not cache.Get(key=keys("a")).HasField("entry")

    again = cache.Delete(key=keys("a"), return_previous=True)
    assert not again.deleted
    assert again.version == 0
    assert not again.HasField("previous")


def test_delete_returns_no_previous_entry_unless_asked(cache, keys):
    cache.Put(key=keys("a"), value=value_of("one"))
    assert not cache.Delete(key=keys("a")).HasField("previous")


def test_a_version_does_not_come_back_after_delete_and_put(cache, keys):
    first = cache.Put(key=keys("a"), value=value_of("one")).version
    cache.Delete(key=keys("a"))
    assert cache.Put(key=keys("a"), value=value_of("one")).version > first


@pytest.mark.parametrize("present, precondition", [
    (True, lambda version: {"exists": True}),
    (True, lambda version: {"version": version}),
    (True, lambda version: {"value": value_of("one")}),
    (True, lambda version: {}),
    (False, lambda version: {"exists": False}),
    (False, lambda version: {}),
], ids=["exists", "version", "value", "unset", "missing", "missing, unset"])
@pytest.mark.parametrize("method", ["Put", "Delete"])
def test_a_write_whose_precondition_holds_happens(cache, keys, method, present,
                                                  precondition):
    version = 0
    if present:
        version = cache.Put(key=keys("a"), value=value_of("one")).version
    fields = {"key": keys("a"), "precondition": precondition(version)}
    if method == "Put":
        cache.Put(value=value_of("two"), **fields)
        assert cache.Get(key=keys("a")).entry.value == value_of("two")
    else:
        assert cache.Delete(**fields).deleted == present
        assert not cache.Get(key=keys("a")).HasField("entry")


def test_an_empty_value_is_a_value(cache, keys):
    cache.Put(key=keys("a"), value=b"")
    answer = cache.Get(key=keys("a"))
    assert answer.HasField("entry")
    assert answer.entry.value == b""
    # And a precondition can demand it.
    cache.Put(key=keys("a"), value=value_of("one"), precondition={"value": b""})
    assert cache.Get(key=keys("a")).entry.value == value_of("one")


ALL_BYTES = bytes(range(256))


@pytest.mark.parametrize("raw", [
    b"\x00", b"\xff", b"\xc3\x28", b"\n\r\t", ALL_BYTES,
], ids=["zero", "not UTF-8", "broken UTF-8", "white space", "every byte"])
def test_keys_and_values_are_bytes(cache, keys, raw):
    key = raw + keys("a")
    cache.Put(key=key, value=raw)
    entry = cache.Get(key=key).entry
    assert (entry.key, entry.value) == (key, raw)
    assert cache.Delete(key=key).deleted


def test_keys_that_differ_in_a_zero_byte_are_different(cache, keys):
    cache.Put(key=keys("a"), value=value_of("one"))
    assert not cache.Get(key=keys("a") + b"\x00").HasField("entry")
    assert not cache.Get(key=b"\x00" + keys("a")).HasField("entry")
