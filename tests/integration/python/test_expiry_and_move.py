"""Expirations, Touch and Move as they are meant to be used."""

import time

import pytest
from conftest import value_of
from server_process import PATIENCE_SECONDS

HOUR = 3600


def ttl(seconds):
    return {"ttl": {"seconds": seconds}}


def assert_expires_in(timestamp, seconds, called_at):
    """Fails unless `timestamp` is `seconds` after a call made at `called_at`.

    A second of slack: the server's clock was set by the wall clock once.
    """
    instant = timestamp.seconds + timestamp.nanos / 1e9
    assert called_at + seconds - 1 <= instant <= time.time() + seconds + 1


def wait_until_gone(cache, key):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while cache.Get(key=key).HasField("entry"):
        assert time.monotonic() < deadline, "the entry never expired"


def test_a_ttl_counts_from_the_write(cache, keys):
    called_at = time.time()
    put = cache.Put(key=keys("a"), value=value_of("one"), expiration=ttl(HOUR))
    assert_expires_in(put.expire_time, HOUR, called_at)
    assert cache.Get(key=keys("a")).entry.expire_time == put.expire_time


def test_an_expire_time_is_kept_to_the_nanosecond(cache, keys):
    instant = {"seconds": int(time.time()) + HOUR, "nanos": 123456789}
    put = cache.Put(key=keys("a"), value=value_of("one"),
                    expiration={"expire_time": instant})
    for stamp in (put.expire_time, cache.Get(key=keys("a")).entry.expire_time):
        assert (stamp.seconds, stamp.nanos) == (instant["seconds"], 123456789)


def test_an_entry_is_gone_when_its_time_has_come(cache, keys):
    cache.Put(key=keys("a"), value=b"1",
              expiration={"ttl": {"nanos": 20_000_000}})
    wait_until_gone(cache, keys("a"))
    # Gone for every RPC, swept or not.
    assert not cache.Touch(key=keys("a"), expiration=ttl(HOUR)).touched
    assert not cache.Delete(key=keys("a")).deleted
    assert cache.Increment(key=keys("a"), delta=1, initial=10).value == 11


def test_the_longest_ttl_is_a_hundred_years(cache, keys):
    century = 36525 * 86400
    called_at = time.time()
    put = cache.Put(key=keys("a"), value=value_of("one"),
                    expiration=ttl(century))
    assert_expires_in(put.expire_time, century, called_at)


@pytest.mark.parametrize("expiration", [None, {}], ids=["absent", "empty"])
def test_a_put_without_expiration_makes_the_entry_permanent(cache, keys,
                                                            expiration):
    cache.Put(key=keys("a"), value=value_of("one"), expiration=ttl(HOUR))
    put = cache.Put(key=keys("a"), value=value_of("two"),
                    expiration=expiration)
    assert not put.HasField("expire_time")
    assert not cache.Get(key=keys("a")).entry.HasField("expire_time")


def test_keep_keeps_the_expiry_of_an_entry_and_gives_a_new_one_none(cache,
                                                                    keys):
    first = cache.Put(key=keys("a"), value=value_of("one"),
                      expiration=ttl(HOUR))
    second = cache.Put(key=keys("a"), value=value_of("two"),
                       expiration={"keep": True})
    assert second.expire_time == first.expire_time
    fresh = cache.Put(key=keys("b"), value=value_of("one"),
                      expiration={"keep": True})
    assert not fresh.HasField("expire_time")


def test_touch_changes_the_expiry_and_leaves_the_version_alone(cache, keys):
    put = cache.Put(key=keys("a"), value=value_of("one"), flags=5)
    called_at = time.time()
    touch = cache.Touch(key=keys("a"), expiration=ttl(HOUR))
    assert touch.touched
    assert_expires_in(touch.expire_time, HOUR, called_at)
    # A commit with a version of its own.
    assert touch.version == put.version + 1

    entry = cache.Get(key=keys("a")).entry
    assert entry.expire_time == touch.expire_time
    assert entry.version == put.version
    assert (entry.value, entry.flags) == (value_of("one"), 5)

    forever = cache.Touch(key=keys("a"))
    assert forever.touched
    assert not forever.HasField("expire_time")
    assert not cache.Get(key=keys("a")).entry.HasField("expire_time")


def test_touch_of_a_missing_key_changes_nothing(cache, keys):
    touch = cache.Touch(key=keys("missing"), expiration=ttl(HOUR))
    assert not touch.touched
    assert touch.version == 0
    assert not touch.HasField("expire_time")
    assert not cache.Get(key=keys("missing")).HasField("entry")


def test_get_can_touch(cache, keys):
    put = cache.Put(key=keys("a"), value=value_of("one"))
    called_at = time.time()
    answer = cache.Get(key=keys("a"), touch=ttl(HOUR))
    assert_expires_in(answer.expire_time, HOUR, called_at)
    assert answer.entry.value == value_of("one")

    entry = cache.Get(key=keys("a")).entry
    assert entry.expire_time == answer.expire_time
    assert entry.version == put.version

    # Also where it has nothing to send.
    same = cache.Get(key=keys("a"), if_version_not=put.version, touch={})
    assert same.not_modified
    assert not same.HasField("expire_time")
    assert not cache.Get(key=keys("a")).entry.HasField("expire_time")

    missing = cache.Get(key=keys("missing"), touch=ttl(HOUR))
    assert not missing.HasField("entry")
    assert not missing.HasField("expire_time")


def test_move_takes_value_expiry_and_flags_along(cache, keys):
    put = cache.Put(key=keys("from"), value=value_of("one"), flags=5,
                    expiration=ttl(HOUR))
    move = cache.Move(source_key=keys("from"), destination_key=keys("to"))
    assert move.version > put.version
    assert move.expire_time == put.expire_time

    assert not cache.Get(key=keys("from")).HasField("entry")
    entry = cache.Get(key=keys("to")).entry
    assert entry.key == keys("to")
    assert (entry.value, entry.flags) == (value_of("one"), 5)
    assert entry.version == move.version
    assert entry.expire_time == put.expire_time


def test_move_of_a_permanent_entry_has_no_expiry(cache, keys):
    cache.Put(key=keys("from"), value=value_of("one"))
    move = cache.Move(source_key=keys("from"), destination_key=keys("to"))
    assert not move.HasField("expire_time")


def test_move_replaces_the_destination_where_asked(cache, keys):
    cache.Put(key=keys("from"), value=value_of("one"))
    cache.Put(key=keys("to"), value=value_of("two"), flags=9,
              expiration=ttl(HOUR))
    cache.Move(source_key=keys("from"), destination_key=keys("to"),
               overwrite=True)
    entry = cache.Get(key=keys("to")).entry
    assert (entry.value, entry.flags) == (value_of("one"), 0)
    assert not entry.HasField("expire_time")


def test_move_happens_where_its_preconditions_hold(cache, keys):
    source = cache.Put(key=keys("from"), value=value_of("one"))
    cache.Put(key=keys("to"), value=value_of("two"))
    cache.Move(source_key=keys("from"), destination_key=keys("to"),
               overwrite=True,
               source_precondition={"version": source.version},
               destination_precondition={"value": value_of("two")})
    assert cache.Get(key=keys("to")).entry.value == value_of("one")
    cache.Move(source_key=keys("to"), destination_key=keys("from"),
               source_precondition={"exists": True},
               destination_precondition={"exists": False})
    assert cache.Get(key=keys("from")).entry.value == value_of("one")
