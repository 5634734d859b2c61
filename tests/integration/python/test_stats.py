"""GetStats, and `latchkey stats`: what was done to a server, and no more."""

import json
import re

import grpc
import pytest
from api import admin, admin_stubs, health, health_stubs, pb
from client import (CALL_SECONDS, Client, expect_error, fill_ledger,
                    open_channel)
from conftest import value_of
from grpc import StatusCode
from metrics import scrape, wait_for
from server_process import TRANSPORT, run_program

LIMIT = 16 * 1024 * 1024


class Fresh(Client):
    """A client of a server that nothing was done to, which it can ask."""

    def __init__(self, server):
        super().__init__(server.address)
        self.server = server

    def stats(self):
        return admin_stubs.AdminStub(self.channel).GetStats(
            admin.GetStatsRequest(), timeout=CALL_SECONDS)


@pytest.fixture(name="open_fresh")
def fixture_open_fresh(start_server):
    clients = []

    def open_fresh(*arguments):
        clients.append(Fresh(start_server("--threads=2", *arguments)))
        return clients[-1]

    yield open_fresh
    for client in clients:
        client.close()


@pytest.fixture(name="fresh")
def fixture_fresh(open_fresh):
    return open_fresh()


def test_it_begins_with_nothing(fresh):
    stats = fresh.stats()
    assert stats.keys == admin.KeyStats(
        commit_version=stats.keys.commit_version)
    assert stats.memory == admin.MemoryStats(
        max_bytes=stats.memory.max_bytes, usable_bytes=stats.memory.max_bytes)
    assert stats.idempotency == admin.IdempotencyStats(
        max_record_bytes=256 * 1024 * 1024)


def test_which_server_this_is(fresh):
    first, second = fresh.stats().server, fresh.stats().server
    version = run_program("latchkeyd", "--version").stdout.decode().split()[-1]
    assert first.version == version
    assert first.transport == TRANSPORT
    stamp = fresh.trailers_of("Get", key=b"k",
                              metadata=[("latchkey-stamp", "?")]
                              )["latchkey-stamp"]
    assert first.incarnation == stamp.partition("-")[0]
    assert second.start_time == first.start_time
    assert second.uptime.ToNanoseconds() > first.uptime.ToNanoseconds() > 0
    assert first.start_time.ToNanoseconds() == pytest.approx(
        scrape(fresh.server).value("latchkey_start_time_seconds") * 1e9,
        abs=1e6)
    assert 1 << 20 < first.resident_bytes < 1 << 40


def test_two_servers_differ(open_fresh):
    assert open_fresh().stats().server.incarnation != (
        open_fresh().stats().server.incarnation)


def test_reads_writes_and_expiry(fresh, keys):
    fresh.Put(key=keys("a"), value=value_of("a"))
    fresh.Put(key=keys("b"), value=b"1", expiration={"ttl": {"seconds": 1000}})
    for number in range(20):
        fresh.Put(key=keys(number), value=b"1",
                  expiration={"ttl": {"nanos": 1_000_000}})
    for _ in range(3):
        fresh.Get(key=keys("a"))
    for _ in range(2):
        fresh.Get(key=keys("none"))
    fresh.BatchGet(keys=[keys("a"), keys("none"), keys("b")])
    fresh.BatchGet(keys=[keys("a"), keys("none")], atomic=True)
    version = fresh.Put(key=keys("a"), value=b"2").version
    stats = wait_for(lambda: next(
        (stats for stats in [fresh.stats().keys] if stats.entries == 2), None))
    assert stats == admin.KeyStats(
        entries=2, entries_expiring=1, hits=6, misses=4, expirations=20,
        commit_version=version)


def test_leases(fresh, keys):
    lease = {"ttl": {"seconds": 1000}}
    token = fresh.Get(key=keys("a"), lease=lease).lease.token
    assert fresh.Get(key=keys("a"), lease=lease).lease.held_by_other
    fresh.Get(key=keys("b"), lease=lease)
    waiters = [fresh.start("Get", key=keys("a"), lease={**lease, "wait": True})
               for _ in range(3)]
    stats = wait_for(lambda: next(
        (stats for stats in [fresh.stats()] if stats.keys.lease_waits == 3),
        None))
    assert stats.keys.lease_grants == 2
    assert stats.memory.lease_bytes > 0
    fresh.Put(key=keys("a"), value=b"1", lease_token=token)
    assert all(waiter.result().entry.value == b"1" for waiter in waiters)
    stats = fresh.stats().keys
    assert (stats.lease_grants, stats.lease_waits) == (2, 3)


def test_keyed_writes(fresh, keys):
    write = {"key": keys("a"), "value": b"1", "idempotency_key": b"one"}
    for _ in range(4):
        fresh.Put(**write)
    with expect_error(StatusCode.FAILED_PRECONDITION, "IDEMPOTENCY_KEY_REUSED"):
        fresh.Put(**{**write, "value": b"2"})
    fresh.GetOutcome(idempotency_key=b"two", fence=True)
    stats = fresh.stats()
    assert 0 < stats.idempotency.record_bytes < 1_000
    assert stats.idempotency == admin.IdempotencyStats(
        records=2, record_bytes=stats.memory.idempotency_bytes,
        max_record_bytes=256 * 1024 * 1024, replays=3, mismatches=1)


def test_a_full_ledger(open_fresh, keys):
    fresh = open_fresh("--idempotency-bytes-max=65536")
    kept = fill_ledger(fresh, keys("a"), refusals=5)
    stats = fresh.stats().idempotency
    assert stats.refusals == 5
    assert stats.records == kept
    assert stats.max_record_bytes == 65536
    assert stats.record_bytes <= 65536


def test_memory_is_the_sum_of_its_kinds(fresh, keys):
    fresh.Put(key=keys("a"), value=value_of("a", 100_000))
    fresh.Put(key=keys("b"), value=b"1", idempotency_key=b"one",
              expiration={"ttl": {"seconds": 1000}})
    # What calls before this one held may be on its way out.
    memory = wait_for(lambda: next(
        (stats for stats in [fresh.stats().memory] if not stats.held_bytes),
        None))
    assert 100_000 < memory.entry_bytes < 140_000
    kinds = (memory.entry_bytes, memory.table_bytes, memory.queue_bytes,
             memory.expiry_bytes, memory.idempotency_bytes)
    assert all(kinds)
    assert memory.used_bytes == sum(kinds)
    metrics = scrape(fresh.server)
    assert metrics.value("latchkey_memory_used_bytes") == memory.used_bytes
    assert metrics.value("latchkey_memory_max_bytes") == memory.max_bytes
    assert metrics.value("latchkey_memory_usable_bytes") == memory.usable_bytes
    assert metrics.value("latchkey_memory_bytes", kind="structure") == (
        memory.table_bytes + memory.queue_bytes + memory.expiry_bytes)


def test_a_snapshot_holds_what_was_replaced(fresh, keys):
    for number in range(100):
        fresh.Put(key=keys(number), value=value_of("old", 10_000))
    scan = fresh.stub.Scan(
        pb.ScanRequest(consistency=pb.ScanRequest.SNAPSHOT, page_size=1))
    next(scan)
    for number in range(100):
        fresh.Put(key=keys(number), value=b"new")
    # The scan is some pages ahead of its client.
    memory = fresh.stats().memory
    assert 500_000 < memory.held_bytes < 1_500_000
    assert memory.entry_bytes < 100 * 1_000
    scan.cancel()


def test_a_full_server(open_fresh, keys):
    fresh = open_fresh(f"--memory-max-bytes={LIMIT}")
    for number in range(300):
        fresh.Put(key=keys(number), value=value_of("large", 100_000))
    stats = fresh.stats()
    assert stats.keys.evictions == 300 - stats.keys.entries > 0
    assert stats.memory.refusals == 0
    assert stats.memory.used_bytes <= stats.memory.max_bytes == LIMIT


def test_a_full_server_that_evicts_nothing(open_fresh, keys):
    fresh = open_fresh(f"--memory-max-bytes={LIMIT}", "--eviction=none")
    refused = 0
    for number in range(300):
        try:
            fresh.Put(key=keys(number), value=value_of("large", 100_000))
        except grpc.RpcError as error:
            assert error.code() == StatusCode.RESOURCE_EXHAUSTED
            refused += 1
    stats = fresh.stats()
    assert stats.memory.refusals == refused == 300 - stats.keys.entries > 0
    assert stats.keys.evictions == 0


def test_calls_and_connections(fresh):
    def server():
        return fresh.stats().server

    # This call, on this connection.
    assert server().live_calls == 1
    assert server().HasField("connections") == (TRANSPORT == "native")
    with open_channel(fresh.address) as channel:
        watch = health_stubs.HealthStub(channel).Watch(
            health.HealthCheckRequest())
        next(watch)
        # An answer that has come may be on its way for its server.
        stats = wait_for(lambda: next(
            (stats for stats in [server()] if stats.live_calls == 2), None))
        if TRANSPORT == "native":
            assert stats.connections == 2
        watch.cancel()
    wait_for(lambda: server().live_calls == 1)
    if TRANSPORT == "native":
        wait_for(lambda: server().connections == 1)


def test_it_counts_as_a_call_and_changes_nothing(fresh):
    for _ in range(3):
        stats = fresh.stats()
    metrics = scrape(fresh.server)
    assert metrics.value("latchkey_commands_total",
                         service="latchkey.v1.Admin", cmd="GetStats",
                         code="OK") == 3
    assert fresh.stats().keys == stats.keys


def latchkey(fresh, *arguments):
    result = run_program("latchkey", "stats", "--server", fresh.address,
                         *arguments)
    assert (result.returncode, result.stderr) == (0, b"")
    return result.stdout.decode()


def test_the_command_shows_sections_in_columns(fresh, keys):
    fresh.Put(key=keys("a"), value=b"1")
    fresh.BatchGet(keys=[keys("a"), keys("a"), keys("none")])
    text = latchkey(fresh)
    sections = {section.splitlines()[0]: section.splitlines()[1:]
                for section in text.split("\n\n")}
    assert list(sections) == ["server", "keys", "memory", "idempotency"]
    values = {}
    for name, lines in sections.items():
        matches = [re.fullmatch(r"(  \w+ +)(\S.*)", line) for line in lines]
        assert all(matches), lines
        assert len({len(match[1]) for match in matches}) == 1, lines
        values[name] = {match[1].strip(): match[2] for match in matches}
    assert values["keys"]["hits"] == "2"
    assert values["keys"]["misses"] == "1"
    assert values["keys"]["hit_ratio"] == "66.67 %"
    assert values["keys"]["entries"] == "1"
    limit = fresh.stats().memory.max_bytes
    assert re.fullmatch(rf"{limit}  \(\d+\.\d\d [GT]iB\)",
                        values["memory"]["max_bytes"])
    # All that the answer has.
    stats = fresh.stats()
    for field, section in stats.ListFields():
        shown = set(values[field.name]) - {"hit_ratio"}
        assert shown == {
            part.name for part in section.DESCRIPTOR.fields
            if part.name != "connections" or section.HasField("connections")}


def test_the_command_has_a_form_for_programs(fresh, keys):
    fresh.Put(key=keys("a"), value=b"1")
    fresh.Get(key=keys("none"))
    stats = json.loads(latchkey(fresh, "--json"))
    assert stats["keys"]["misses"] == "1"
    assert stats["keys"]["hits"] == "0"
    assert int(stats["memory"]["used_bytes"]) > 0
    assert stats["server"]["transport"] == TRANSPORT
