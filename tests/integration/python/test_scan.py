"""Scan: everything of a prefix, page by page, while others write."""

import threading

import pytest
from api import pb
from client import Client, expect_error, read_error
from conftest import value_of
from grpc import RpcError, StatusCode

SNAPSHOT = pb.ScanRequest.SNAPSHOT
BOTH = pytest.mark.parametrize("consistency", [pb.ScanRequest.FUZZY, SNAPSHOT],
                               ids=["fuzzy", "snapshot"])
SNAPSHOTS_MAX = 16


def prefix_of(keys):
    """What all keys of the test begin with."""
    return keys("any").split(b"/")[0] + b"/"


def fill(cache, keys, count, size=None):
    """Puts `count` entries and returns their values by key."""
    put = {keys(f"entry-{i}"): value_of(f"old-{i}", size) for i in range(count)}
    for key, value in put.items():
        cache.Put(key=key, value=value)
    return put


def entries_of(pages):
    """All entries.  A page can be empty: it ends where its work is done."""
    return [entry for page in pages for entry in page.entries]


def values_of(pages):
    """The values by key; no key comes twice."""
    entries = entries_of(pages)
    values = {entry.key: entry.value for entry in entries}
    assert len(values) == len(entries)
    return values


@BOTH
def test_a_prefix(cache, keys, consistency):
    put = fill(cache, keys, 300)
    pages = cache.Scan(prefix=prefix_of(keys), consistency=consistency)
    assert values_of(pages) == put
    assert all(page.resume_token for page in pages[:-1])
    assert not pages[-1].resume_token
    assert (pages[0].snapshot_version != 0) == (consistency == SNAPSHOT)
    assert len({page.snapshot_version for page in pages}) == 1


@BOTH
def test_entries_are_as_get_gives_them(cache, keys, consistency):
    cache.Put(key=keys("a"), value=value_of("one"), flags=7,
              expiration={"ttl": {"seconds": 1000}})
    pages = cache.Scan(prefix=prefix_of(keys), consistency=consistency)
    assert entries_of(pages) == [cache.Get(key=keys("a")).entry]
    pages = cache.Scan(prefix=prefix_of(keys), consistency=consistency,
                       keys_only=True)
    [entry] = entries_of(pages)
    assert (entry.key, entry.value, entry.flags) == (keys("a"), b"", 7)


@BOTH
def test_pages_are_no_larger_than_was_asked_for(cache, keys, consistency):
    put = fill(cache, keys, 50)
    pages = cache.Scan(prefix=prefix_of(keys), consistency=consistency,
                       page_size=7)
    assert values_of(pages) == put
    assert max(len(page.entries) for page in pages) == 7


@BOTH
def test_large_values_make_small_pages(cache, keys, consistency):
    put = fill(cache, keys, 6, 1024 * 1024)
    pages = cache.Scan(prefix=prefix_of(keys), consistency=consistency)
    assert values_of(pages) == put
    assert max(len(page.entries) for page in pages) == 1


@BOTH
def test_going_on_on_another_connection(server, cache, keys, consistency):
    put = fill(cache, keys, 100)
    request = {"prefix": prefix_of(keys), "consistency": consistency,
               "page_size": 9}
    with Client(server.address) as client:
        stream = client.stub.Scan(pb.ScanRequest(**request), timeout=30)
        pages = [next(stream), next(stream), next(stream)]
    # The connection is gone, with pages on their way.
    version = pages[-1].snapshot_version
    if consistency == SNAPSHOT:
        for key in put:
            cache.Put(key=key, value=value_of("new"))
    rest = cache.Scan(**request, resume_token=pages[-1].resume_token)
    assert values_of(pages + rest) == put
    assert {page.snapshot_version for page in rest} == {version}


def test_a_snapshot_does_not_see_later_writes(cache, keys):
    put = fill(cache, keys, 200)
    stream = cache.stub.Scan(pb.ScanRequest(
        prefix=prefix_of(keys), consistency=SNAPSHOT, page_size=10), timeout=30)
    pages = [next(stream)]
    names = list(put)
    for key in names[:100]:
        cache.Put(key=key, value=value_of("new"))
    for key in names[100:150]:
        cache.Delete(key=key)
    for key in names[150:]:
        cache.Touch(key=key, expiration={"ttl": {"seconds": 1000}})
    cache.Put(key=keys("new"), value=value_of("new"))
    pages += list(stream)
    assert values_of(pages) == put
    assert not any(entry.HasField("expire_time")
                   for page in pages for entry in page.entries)


@BOTH
def test_tokens_that_the_server_did_not_make(cache, keys, consistency):
    fill(cache, keys, 5)
    stream = cache.stub.Scan(pb.ScanRequest(
        prefix=prefix_of(keys), consistency=consistency, page_size=1),
        timeout=30)
    token = next(stream).resume_token
    list(stream)
    for bad in (b"x", token + b"x", token[:-1], token[::-1],
                token[:-1] + bytes([token[-1] ^ 1])):
        with pytest.raises(RpcError) as raised:
            cache.Scan(prefix=prefix_of(keys), consistency=consistency,
                       resume_token=bad)
        error = read_error(raised.value)
        assert (error.code, error.reason) in (
            (StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"),
            (StatusCode.OUT_OF_RANGE, "SCAN_EXPIRED"))
    with expect_error(StatusCode.INVALID_ARGUMENT, "INVALID_FIELD") as error:
        cache.Scan(prefix=b"another", consistency=consistency,
                   resume_token=token)
    assert error.fields == ["resume_token"]


def test_a_restart_expires_tokens(start_server, keys):
    tokens = []
    for _ in range(2):
        server = start_server()
        with Client(server.address) as client:
            fill(client, keys, 5)
            for token in tokens:
                with expect_error(StatusCode.OUT_OF_RANGE, "SCAN_EXPIRED"):
                    client.Scan(resume_token=token)
            tokens.append(client.Scan(page_size=1)[0].resume_token)


def test_a_slow_reader_holds_nobody_up(start_server, keys):
    """Its images are bounded, and it is told what it can do."""
    server = start_server("--threads=1", "--snapshot-bytes-max=8388608")
    with Client(server.address) as reader, Client(server.address) as writer:
        put = fill(writer, keys, 60, 1024 * 1024)
        stream = reader.stub.Scan(pb.ScanRequest(consistency=SNAPSHOT),
                                  timeout=60)
        pages = [next(stream)]
        # The stream stands still: the windows are full, the rest is unread.
        for key in put:
            writer.Put(key=key, value=value_of("new", 1024 * 1024))
        with expect_error(StatusCode.OUT_OF_RANGE, "SCAN_EXPIRED"):
            for page in stream:
                pages.append(page)
        seen = values_of(pages)
        assert len(seen) < len(put)
        assert all(put[key] == value for key, value in seen.items())
        rest = writer.Scan(resume_token=pages[-1].resume_token)
        assert seen.keys() | values_of(rest).keys() == put.keys()


def test_too_many_snapshots(start_server, keys):
    server = start_server()
    with Client(server.address) as cache:
        fill(cache, keys, 30, 1024 * 1024)
        request = pb.ScanRequest(consistency=SNAPSHOT, page_size=1)
        streams = [cache.stub.Scan(request, timeout=60)
                   for _ in range(SNAPSHOTS_MAX)]
        for stream in streams:
            next(stream)
        with pytest.raises(RpcError) as raised:
            cache.Scan(consistency=SNAPSHOT)
        error = read_error(raised.value)
        assert (error.code, error.reason) == (StatusCode.UNAVAILABLE,
                                              "OVERLOADED")
        trailers = dict(raised.value.trailing_metadata())
        assert int(trailers["grpc-retry-pushback-ms"]) > 0
        assert len(values_of(cache.Scan())) == 30
        # One that has sent all makes room for the next.
        assert len(list(streams[0])) >= 29
        assert len(values_of(cache.Scan(consistency=SNAPSHOT))) == 30
        for stream in streams:
            stream.cancel()


def test_a_cancelled_scan_ends(cache, keys):
    fill(cache, keys, 30, 1024 * 1024)
    stream = cache.stub.Scan(pb.ScanRequest(prefix=prefix_of(keys)),
                             timeout=60)
    next(stream)
    stream.cancel()
    with pytest.raises(RpcError) as raised:
        list(stream)
    assert raised.value.code() == StatusCode.CANCELLED


def test_scans_that_end_in_the_middle_of_a_page(server, cache, keys):
    """A page may go out while the server hears that its client is gone."""
    put = fill(cache, keys, 100)
    for turn in range(60):
        with Client(server.address) as client:
            stream = client.stub.Scan(
                pb.ScanRequest(prefix=prefix_of(keys), page_size=3),
                timeout=30)
            for _ in range(1 + turn % 5):
                next(stream)
            if turn % 2:
                stream.cancel()
    assert server.running()
    assert values_of(cache.Scan(prefix=prefix_of(keys))) == put


def test_a_scan_ends_at_its_deadline(cache, keys):
    fill(cache, keys, 30, 1024 * 1024)
    stream = cache.stub.Scan(pb.ScanRequest(prefix=prefix_of(keys)),
                             timeout=0.3)
    next(stream)
    # Nobody reads on, so it cannot end before.
    ended = threading.Event()
    if stream.add_callback(ended.set):
        assert ended.wait(30)
    with pytest.raises(RpcError) as raised:
        list(stream)
    # Where the server's timer is first, it can only reset the stream, since no
    # status goes past what is not read.
    assert raised.value.code() in (StatusCode.DEADLINE_EXCEEDED,
                                   StatusCode.CANCELLED)


def test_totals_beside_movers(server, cache, keys):
    """No snapshot sees a transfer half done."""
    accounts = [keys(f"account-{i}") for i in range(64)]
    for account in accounts:
        cache.Put(key=account, value=b"100")
    done = threading.Event()

    def move(number):
        with Client(server.address) as client:
            step = number
            while not done.is_set():
                source = accounts[step % 64]
                destination = accounts[(step * 7 + 1) % 64]
                step += 5
                if source != destination:
                    client.Transfer(source_key=source,
                                    destination_key=destination, amount=1,
                                    source_min=-10_000)

    movers = [threading.Thread(target=move, args=(number,))
              for number in range(4)]
    for mover in movers:
        mover.start()
    try:
        for round_number in range(100):
            pages = cache.Scan(prefix=keys("account").split(b"/")[0],
                               consistency=SNAPSHOT,
                               page_size=1 + round_number)
            values = values_of(pages)
            assert len(values) == 64
            assert sum(int(value) for value in values.values()) == 6400
    finally:
        done.set()
        for mover in movers:
            mover.join()
