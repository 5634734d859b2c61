"""`latchkey-load` against a server: short runs of every mix, a report that a
program can read, and a total that is the same at the end.

Its own tests are in tests/client/load.
"""

import concurrent.futures
import json
import signal

import pytest
from client import Client
from server_process import ServerProcess, run_program


@pytest.fixture(name="engine", params=["grpc", "native"])
def fixture_engine(request):
    return request.param


def run_load(server, tmp_path, engine, *arguments):
    """Runs it for a moment and returns its report."""
    report = tmp_path / "report.json"
    result = run_program(
        "latchkey-load", f"--address={server.address}", f"--engine={engine}",
        "--connections=2", "--in-flight=4", "--keys=500", "--warm-up=100ms",
        "--duration=500ms", f"--json={report}", *arguments)
    assert result.returncode == 0, (result.stdout, result.stderr)
    # And a table for people.
    assert b"p99" in result.stdout
    return json.loads(report.read_text())


@pytest.mark.parametrize("mix", [
    "get", "put", "mixed:90/10", "ycsb-a", "ycsb-b", "ycsb-c", "ycsb-f"])
def test_a_mix(server, tmp_path, engine, mix):
    report = run_load(server, tmp_path, engine, f"--mix={mix}",
                      f"--key-prefix={engine}/{mix.replace(':', '-')}/",
                      "--key-bytes=40", "--value-bytes=64-256")
    assert report["ending"] == "complete"
    assert report["exit_code"] == 0
    assert report["requests"] > 0
    assert report["error_count"] == 0
    assert report["misses"] == 0
    assert report["verification"]["failures"] == 0
    # What is only written is not read.
    assert (report["verification"]["values"] > 0) == (mix != "put")
    latency = report["latency"]["all"]
    assert 0 < latency["p50_ns"] <= latency["p99_ns"] <= latency["max_ns"]


def test_transfers_keep_the_total(server, tmp_path, engine):
    report = run_load(server, tmp_path, engine, "--mix=transfer", "--accounts=50",
                      "--initial-balance=1000", f"--key-prefix={engine}/account/",
                      "--key-bytes=40")
    verification = report["verification"]
    assert verification["failures"] == 0
    assert verification["total"] == verification["total_expected"] == 50_000
    assert report["requests"] > 0


def test_an_open_loop_keeps_its_rate(server, tmp_path, engine):
    report = run_load(server, tmp_path, engine, "--mix=get", "--rate=400",
                      f"--key-prefix={engine}/open/", "--key-bytes=40")
    assert report["options"]["loop"] == "open"
    sent = report["requests"] + report["not_sent_in_time"]
    assert 100 < sent < 300


def test_the_cpu_of_the_server_is_told(server, tmp_path, engine):
    report = run_load(server, tmp_path, engine, "--mix=get",
                      f"--server-pid={server.pid}", f"--key-prefix={engine}/cpu/",
                      "--key-bytes=40")
    assert report["server_cpu"]["us_per_request"] > 0
    assert report["client_cpu"]["us_per_request"] > 0


@pytest.fixture(name="own_server")
def fixture_own_server(tmp_path):
    """A server that nothing else writes to: a verified run must know every
    version."""
    with ServerProcess(tmp_path / "log") as server:
        yield server


def run_verify(server, tmp_path, *arguments):
    report = tmp_path / "report.json"
    result = run_program(
        "latchkey-load", f"--address={server.address}", "--verify",
        "--connections=4", "--threads=2", "--in-flight=8", "--requests=4000",
        f"--json={report}", *arguments)
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert b"violations" in result.stdout
    return json.loads(report.read_text())


def test_a_verified_run_finds_nothing(own_server, tmp_path):
    history = tmp_path / "history.jsonl"
    report = run_verify(own_server, tmp_path, f"--history={history}")
    assert report["ending"] == "complete"
    verify = report["verify"]
    assert verify["violations"] == 0
    assert verify["by_sort"] == []
    assert verify["operations"] >= 4000
    assert verify["keyed_writes"] > 2500
    assert verify["commits"] > 1000
    assert verify["replayed"] > 0
    assert verify["hedged"] == 0
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    assert len(lines) > 4000
    assert {line["outcome"] for line in lines} == {"ok", "no"}


def test_a_verified_run_with_hedges_finds_nothing(own_server, tmp_path):
    verify = run_verify(own_server, tmp_path, "--hedge=1ms",
                        "--value-bytes=24-4096")["verify"]
    assert verify["violations"] == 0
    assert verify["hedged"] > 0


def test_two_verified_runs_share_a_server_if_they_are_told(own_server,
                                                           tmp_path):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = []
        for i in range(2):
            directory = tmp_path / str(i)
            directory.mkdir()
            runs.append(pool.submit(run_verify, own_server, directory,
                                    "--verify-shared"))
        for run in runs:
            assert run.result()["verify"]["violations"] == 0


def test_a_strangers_write_is_a_gap(own_server, tmp_path):
    report = tmp_path / "report.json"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        run = pool.submit(
            run_program, "latchkey-load", f"--address={own_server.address}",
            "--verify", "--requests=20000", f"--json={report}")
        # From before its first write until after its last one.
        client = Client(own_server.address)
        while not run.done():
            client.Put(key=b"strange", value=b"v")
        result = run.result()
    assert result.returncode == 1, (result.stdout, result.stderr)
    verify = json.loads(report.read_text())["verify"]
    assert [found["sort"] for found in verify["by_sort"]] == ["gap"]


def test_a_restart_ends_a_verified_run_with_1(tmp_path):
    report = tmp_path / "report.json"
    first = ServerProcess(tmp_path / "first.log")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        run = pool.submit(
            run_program, "latchkey-load", f"--address={first.address}",
            "--verify", "--duration=600s", f"--json={report}")
        client = Client(first.address)
        start = client.Put(key=b"other", value=b"v").version
        # It has begun when others than this client commit.
        while client.Put(key=b"other", value=b"v").version < start + 10_000:
            assert not run.done(), run.result()
        first.signal(signal.SIGKILL)
        first.wait()
        with ServerProcess(tmp_path / "second.log",
                           f"--listen={first.address}", "--http-listen=off",
                           listen=False):
            result = run.result()
    assert result.returncode == 1, (result.stdout, result.stderr)
    assert json.loads(report.read_text())["ending"] == "restarted"
    assert b"started anew" in result.stderr


def test_a_drain_ends_a_run_with_3_and_no_call_hangs(tmp_path, engine):
    report = tmp_path / "report.json"
    with (ServerProcess(tmp_path / "log") as server,
          concurrent.futures.ThreadPoolExecutor() as pool):
        run = pool.submit(
            run_program, "latchkey-load", f"--address={server.address}",
            f"--engine={engine}", "--keys=500", "--warm-up=0s",
            "--duration=600s", f"--json={report}")
        client = Client(server.address)
        start = client.Put(key=b"other", value=b"v").version
        while client.Put(key=b"other", value=b"v").version < start + 1000:
            assert not run.done(), run.result()
        server.signal(signal.SIGTERM)
        server.wait()
        result = run.result()
    assert result.returncode == 3, (result.stdout, result.stderr)
    told = json.loads(report.read_text())
    # The gRPC library's server ends as CANCELLED what is under way.
    codes = {error["code"] for error in told["errors"]}
    assert "UNAVAILABLE" in codes <= {"UNAVAILABLE", "CANCELLED"}
    assert told["verification"]["failures"] == 0


def test_without_a_server_it_ends_with_3(engine):
    result = run_program("latchkey-load", "--address=127.0.0.1:1",
                         f"--engine={engine}", "--duration=1s")
    assert result.returncode == 3, result.stderr
    assert result.stderr


@pytest.mark.parametrize("argument", [
    "--mix=no-such-mix", "--connections=0", "--duration=0s", "--no-such-option"
])
def test_wrong_use_ends_with_2(argument):
    result = run_program("latchkey-load", "--address=127.0.0.1:1", argument)
    assert result.returncode == 2, result.stderr
    name = argument.partition("=")[0]
    assert name in result.stderr.decode()
