"""What a server counts is what was done to it, and no more."""

import grpc
import pytest
from api import health, health_stubs, pb
from client import (METHODS, SERVICE, Client, expect_error, fill_ledger,
                    open_channel)
from conftest import value_of
from grpc import StatusCode
from metrics import scrape, wait_for
from server_process import TRANSPORT
from wire import Wire, frame


def commands(metrics, cmd, code="OK"):
    return metrics.get("latchkey_commands_total", service=SERVICE, cmd=cmd,
                       code=code)


def test_prometheus_can_read_it_and_finds_what_dashboards_want(fresh):
    metrics = scrape(fresh)
    assert metrics.text.endswith("\n")
    for family in metrics.families.values():
        assert family.documentation, family.name
        assert family.type in ("counter", "gauge", "histogram"), family.name
        assert family.name.startswith(("latchkey_", "process_")), family.name
    # The parser takes _total off the name of a counter.
    assert set(metrics.families) >= {
        f"latchkey_{name}" for name in [
            "up", "instance_info", "uptime_in_seconds", "start_time_seconds",
            "live_calls", "commands_processed", "commands",
            "commands_duration_seconds", "net_input_bytes", "net_output_bytes",
            "errors", "keyspace_hits", "keyspace_misses", "db_keys",
            "db_keys_expiring", "expired_keys", "evicted_keys",
            "memory_used_bytes", "memory_max_bytes", "memory_bytes",
            "memory_refusals", "memory_used_rss_bytes",
            "idempotency_records", "idempotency_bytes", "idempotency_replays",
            "idempotency_mismatches", "idempotency_refusals",
            "idempotency_stamps_refused", "deadline_expired", "cancelled",
            "shed", "shard_lock_waits", "shard_lock_wait_seconds",
            "commit_version"]} | {
        f"process_{name}" for name in [
            "cpu_seconds", "resident_memory_bytes", "virtual_memory_bytes",
            "open_fds", "max_fds", "start_time_seconds"]}
    assert metrics.value("latchkey_up") == 1
    assert metrics.value("latchkey_commands_processed_total") == 0
    for method in METHODS:
        assert commands(metrics, method) == 0
        assert metrics.value("latchkey_commands_duration_seconds_count",
                             service=SERVICE, cmd=method) == 0


def test_time_goes_on(fresh):
    first, second = scrape(fresh), scrape(fresh)
    for name in ("latchkey_uptime_in_seconds", "process_cpu_seconds_total"):
        assert second.value(name) >= first.value(name) > 0
    assert second.value("latchkey_uptime_in_seconds") > (
        first.value("latchkey_uptime_in_seconds"))
    assert second.value("latchkey_start_time_seconds") == (
        first.value("latchkey_start_time_seconds"))


def test_reads_count_hits_and_misses(fresh, client, keys):
    client.Put(key=keys("a"), value=value_of("a"))
    for _ in range(3):
        client.Get(key=keys("a"))
    for _ in range(2):
        client.Get(key=keys("none"))
    client.BatchGet(keys=[keys("a"), keys("none"), keys("a")])
    client.BatchGet(keys=[keys("a"), keys("none")], atomic=True)
    metrics = scrape(fresh)
    assert metrics.value("latchkey_keyspace_hits_total") == 6
    assert metrics.value("latchkey_keyspace_misses_total") == 4
    assert metrics.value("latchkey_db_keys") == 1
    assert (commands(metrics, "Put"), commands(metrics, "Get"),
            commands(metrics, "BatchGet")) == (1, 5, 2)
    assert metrics.value("latchkey_commands_processed_total") == 8


def test_each_call_has_a_time_and_bytes(fresh, client, keys):
    requests = [pb.PutRequest(key=keys("a"), value=value_of("a", size))
                for size in (10, 1_000, 100_000)]
    answers = [client.stub.Put(request) for request in requests]
    gets = [pb.GetRequest(key=keys("a"))] * 4
    answers += [client.stub.Get(request) for request in gets]
    metrics = scrape(fresh)
    assert metrics.value("latchkey_net_input_bytes_total") == sum(
        request.ByteSize() for request in requests + gets)
    assert metrics.value("latchkey_net_output_bytes_total") == sum(
        answer.ByteSize() for answer in answers)

    name = "latchkey_commands_duration_seconds"
    for cmd, count in (("Put", 3), ("Get", 4), ("Move", 0)):
        labels = {"service": SERVICE, "cmd": cmd}
        buckets = [(float(sample.labels["le"]), sample.value)
                   for sample in metrics.families[name].samples
                   if sample.name == f"{name}_bucket"
                   and sample.labels.items() >= labels.items()]
        counts = [value for _, value in buckets]
        assert counts == sorted(counts)
        assert buckets[-1] == (float("inf"), count)
        assert metrics.value(f"{name}_count", **labels) == count
        total = metrics.value(f"{name}_sum", **labels)
        assert 0 < total < 60 if count else total == 0


def test_errors_count_by_code_and_reason(fresh, client, keys):
    client.Put(key=keys("a"), value=b"x")
    for _ in range(2):
        with expect_error(StatusCode.ABORTED, "PRECONDITION_FAILED"):
            client.Put(key=keys("a"), value=b"y", precondition={"version": 1})
    with expect_error(StatusCode.FAILED_PRECONDITION, "NOT_A_COUNTER"):
        client.Increment(key=keys("a"), delta=1)
    with expect_error(StatusCode.INVALID_ARGUMENT, "INVALID_KEY"):
        client.Get(key=b"")
    with pytest.raises(grpc.RpcError):
        client.channel.unary_unary("/no.Service/Method")(b"")
    metrics = scrape(fresh)
    assert commands(metrics, "Put") == 1
    assert commands(metrics, "Put", "ABORTED") == 2
    assert commands(metrics, "Increment", "FAILED_PRECONDITION") == 1
    assert commands(metrics, "Get", "INVALID_ARGUMENT") == 1
    assert metrics.value("latchkey_commands_total", service="unknown",
                         cmd="UNKNOWN", code="UNIMPLEMENTED") == 1
    # A name that a client made up is not kept.
    assert "no.Service" not in metrics.text
    assert metrics.value("latchkey_errors_total", err="PRECONDITION_FAILED") == 2
    assert metrics.value("latchkey_errors_total", err="NOT_A_COUNTER") == 1
    assert metrics.value("latchkey_errors_total", err="INVALID_KEY") == 1
    assert metrics.sum("latchkey_errors_total") == 5
    assert metrics.value("latchkey_commands_processed_total") == 6
    assert metrics.sum("latchkey_commands_total") == 6


def test_keyed_writes_count_by_what_became_of_them(fresh, client, keys):
    write = {"key": keys("a"), "value": b"1", "idempotency_key": b"one"}
    for _ in range(4):
        client.Put(**write)
    with expect_error(StatusCode.FAILED_PRECONDITION, "IDEMPOTENCY_KEY_REUSED"):
        client.Put(**{**write, "value": b"2"})
    stamp = client.trailers_of("Get", key=b"k",
                               metadata=[("latchkey-stamp", "?")]
                               )["latchkey-stamp"]
    _, _, seconds = stamp.partition("-")
    incarnation = stamp[:len(stamp) - len(seconds) - 1]
    for sent in (f"{incarnation}-{int(seconds) - 1_000}",
                 f"{'0' * 16}-{seconds}", f"{'1' * 16}-{seconds}"):
        with pytest.raises(grpc.RpcError):
            client.Put(**{**write, "idempotency_key": b"two"},
                       metadata=[("latchkey-stamp", sent)])
    client.GetOutcome(idempotency_key=b"three", fence=True)
    metrics = scrape(fresh)
    assert metrics.value("latchkey_idempotency_replays_total") == 3
    assert metrics.value("latchkey_idempotency_mismatches_total") == 1
    assert metrics.value("latchkey_idempotency_refusals_total") == 0
    assert metrics.value("latchkey_idempotency_stamps_refused_total",
                         cause="expired") == 1
    assert metrics.value("latchkey_idempotency_stamps_refused_total",
                         cause="incarnation") == 2
    # The first write and the fence.
    assert metrics.value("latchkey_idempotency_records") == 2
    assert 0 < metrics.value("latchkey_idempotency_bytes") < 1_000


def test_a_full_ledger_counts_its_refusals(start_server, keys):
    server = start_server("--idempotency-bytes-max=65536")
    with Client(server.address) as client:
        kept = fill_ledger(client, keys("a"), refusals=5)
    metrics = scrape(server)
    assert metrics.value("latchkey_idempotency_refusals_total") == 5
    assert metrics.value("latchkey_errors_total",
                         err="IDEMPOTENCY_LEDGER_FULL") == 5
    assert metrics.value("latchkey_idempotency_records") == kept


def test_commits_move_the_version_by_one(fresh, client, keys):
    client.Put(key=keys("a"), value=b"1")
    before = scrape(fresh)
    for _ in range(3):
        client.Increment(key=keys("a"), delta=1)
    client.Get(key=keys("a"))
    client.Delete(key=keys("none"))
    # The numbers are larger than a float holds exactly.
    versions = [int(next(line.split()[1] for line in metrics.text.splitlines()
                         if line.startswith("latchkey_commit_version ")))
                for metrics in (before, scrape(fresh))]
    assert versions[1] - versions[0] == 3


def test_entries_that_expire_count_when_they_are_swept(fresh, client, keys):
    client.Put(key=keys("stays"), value=b"1")
    client.Put(key=keys("later"), value=b"1",
               expiration={"ttl": {"seconds": 1000}})
    for number in range(20):
        client.Put(key=keys(number), value=b"1",
                   expiration={"ttl": {"nanos": 1_000_000}})
    metrics = wait_for(lambda: next(
        (metrics for metrics in [scrape(fresh)]
         if metrics.value("latchkey_db_keys") == 2), None))
    assert metrics.value("latchkey_expired_keys_total") == 20
    assert metrics.value("latchkey_db_keys_expiring") == 1


def test_a_deadline_that_passed_counts_by_its_stage(fresh, client, keys):
    put = pb.PutRequest(key=keys("a"), value=b"1").SerializeToString()
    with Wire(fresh.socket_address) as wire:
        answer = wire.call(f"/{SERVICE}/Put", frame(put),
                           {"grpc-timeout": "1n"})
    metrics = scrape(fresh)
    stages = {stage: metrics.value("latchkey_deadline_expired_total",
                                   stage=stage)
              for stage in ("arrival", "queue", "before_commit")}
    # By the clock of a transport's turn it may not have ended yet on arrival.
    expired = stages["arrival"] + stages["before_commit"]
    assert stages["queue"] == 0
    assert commands(metrics, "Put", "DEADLINE_EXCEEDED") == expired
    # The library may end the call by itself, so that it never was one of ours,
    # and it rounds a deadline up, so that the call may be in time.
    if TRANSPORT == "native":
        assert expired == 1
    assert client.Get(key=keys("a")).HasField("entry") != answer.refused


def test_streams_are_live_until_they_end(fresh):
    def live():
        return scrape(fresh).value("latchkey_live_calls")

    labels = {"service": "grpc.health.v1.Health", "cmd": "Watch"}
    with open_channel(fresh.address) as channel:
        watch = health_stubs.HealthStub(channel).Watch(
            health.HealthCheckRequest())
        assert next(watch).status == health.HealthCheckResponse.SERVING
        assert live() == 1
        assert scrape(fresh).sum("latchkey_commands_total", **labels) == 0
        watch.cancel()
        wait_for(lambda: live() == 0)
    metrics = scrape(fresh)
    assert metrics.value("latchkey_commands_total", code="CANCELLED",
                         **labels) == 1
    # That is how each of them ends.
    assert metrics.value("latchkey_cancelled_total", stage="before_commit") == 0


def test_the_process_tells_what_it_has_open(fresh):
    before = scrape(fresh).value("process_open_fds")
    channels = [open_channel(fresh.address) for _ in range(8)]
    try:
        for channel in channels:
            health_stubs.HealthStub(channel).Check(health.HealthCheckRequest())
        assert scrape(fresh).value("process_open_fds") == before + 8
    finally:
        for channel in channels:
            channel.close()
