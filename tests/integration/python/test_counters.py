"""Increment and Transfer as they are meant to be used."""

import pytest
from api import INT64_MAX, INT64_MIN


def test_increment_adds_and_get_shows_the_decimal_text(cache, keys):
    cache.Put(key=keys("n"), value=b"40")
    answer = cache.Increment(key=keys("n"), delta=2)
    assert answer.value == 42
    entry = cache.Get(key=keys("n")).entry
    assert entry.value == b"42"
    assert entry.version == answer.version


def test_increment_by_nothing_still_reads_the_counter(cache, keys):
    cache.Put(key=keys("n"), value=b"-7")
    assert cache.Increment(key=keys("n")).value == -7


@pytest.mark.parametrize("initial, delta, value", [
    (0, 5, 5), (10, -25, -15), (0, 0, 0), (INT64_MAX, 0, INT64_MAX),
    (INT64_MIN, 0, INT64_MIN), (INT64_MIN, INT64_MAX, -1),
])
def test_a_missing_counter_starts_from_initial(cache, keys, initial, delta,
                                               value):
    answer = cache.Increment(key=keys("n"), delta=delta, initial=initial)
    assert answer.value == value
    assert cache.Get(key=keys("n")).entry.value == str(value).encode()


def test_initial_does_not_matter_to_a_counter_that_exists(cache, keys):
    cache.Put(key=keys("n"), value=b"1")
    assert cache.Increment(key=keys("n"), delta=1, initial=100).value == 2


def test_increment_may_reach_its_bounds(cache, keys):
    cache.Put(key=keys("n"), value=b"0")
    assert cache.Increment(key=keys("n"), delta=5, max=5).value == 5
    assert cache.Increment(key=keys("n"), delta=-10, min=-5).value == -5
    assert cache.Increment(key=keys("n"), delta=5, min=0, max=0).value == 0


@pytest.mark.parametrize("text", [
    str(INT64_MAX - 1).encode(), str(INT64_MIN).encode()
], ids=["near the top", "at the bottom"])
def test_a_counter_has_64_bits(cache, keys, text):
    cache.Put(key=keys("n"), value=text)
    answer = cache.Increment(key=keys("n"), delta=1)
    assert answer.value == int(text) + 1


def test_increment_keeps_the_expiry_unless_given_one(cache, keys):
    put = cache.Put(key=keys("n"), value=b"1",
                    expiration={"ttl": {"seconds": 3600}})
    cache.Increment(key=keys("n"), delta=1)
    assert cache.Get(key=keys("n")).entry.expire_time == put.expire_time

    cache.Increment(key=keys("n"), delta=1,
                    expiration={"ttl": {"seconds": 7200}})
    later = cache.Get(key=keys("n")).entry.expire_time
    assert later.seconds >= put.expire_time.seconds + 3600

    # Set but empty: never, as everywhere else.
    cache.Increment(key=keys("n"), delta=1, expiration={})
    assert not cache.Get(key=keys("n")).entry.HasField("expire_time")


def test_increment_can_give_a_new_counter_an_expiry(cache, keys):
    cache.Increment(key=keys("n"), delta=1, initial=0,
                    expiration={"ttl": {"seconds": 3600}})
    assert cache.Get(key=keys("n")).entry.HasField("expire_time")


def test_transfer_moves_an_amount_with_one_version(cache, keys):
    cache.Put(key=keys("source"), value=b"100")
    cache.Put(key=keys("destination"), value=b"-1")
    answer = cache.Transfer(source_key=keys("source"),
                            destination_key=keys("destination"), amount=30)
    assert (answer.source_value, answer.destination_value) == (70, 29)
    source, destination = [result.entry for result in cache.BatchGet(
        keys=[keys("source"), keys("destination")]).results]
    assert (source.value, destination.value) == (b"70", b"29")
    assert source.version == destination.version == answer.version


def test_transfer_may_take_all_but_no_more_than_source_min_allows(cache, keys):
    cache.Put(key=keys("source"), value=b"5")
    cache.Put(key=keys("destination"), value=b"0")
    move = {"source_key": keys("source"),
            "destination_key": keys("destination")}
    assert cache.Transfer(amount=5, **move).source_value == 0
    assert cache.Transfer(amount=7, source_min=-7, **move).source_value == -7
    assert cache.Get(key=keys("destination")).entry.value == b"12"


def test_transfer_moves_the_largest_amount(cache, keys):
    cache.Put(key=keys("source"), value=str(INT64_MAX).encode())
    cache.Put(key=keys("destination"), value=b"0")
    answer = cache.Transfer(source_key=keys("source"),
                            destination_key=keys("destination"),
                            amount=INT64_MAX)
    assert (answer.source_value, answer.destination_value) == (0, INT64_MAX)


def test_transfer_creates_a_missing_destination_where_asked(cache, keys):
    cache.Put(key=keys("source"), value=b"10",
              expiration={"ttl": {"seconds": 3600}})
    answer = cache.Transfer(source_key=keys("source"),
                            destination_key=keys("destination"), amount=3,
                            create_destination=True)
    assert (answer.source_value, answer.destination_value) == (7, 3)
    entry = cache.Get(key=keys("destination")).entry
    assert entry.value == b"3"
    assert not entry.HasField("expire_time")


def test_transfer_keeps_both_expiries(cache, keys):
    hour = cache.Put(key=keys("source"), value=b"10",
                     expiration={"ttl": {"seconds": 3600}})
    day = cache.Put(key=keys("destination"), value=b"10",
                    expiration={"ttl": {"seconds": 86400}})
    cache.Transfer(source_key=keys("source"),
                   destination_key=keys("destination"), amount=3)
    source, destination = [result.entry for result in cache.BatchGet(
        keys=[keys("source"), keys("destination")]).results]
    assert source.expire_time == hour.expire_time
    assert destination.expire_time == day.expire_time
