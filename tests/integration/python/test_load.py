"""`latchkey-load` against a server: short runs of every mix, a report that a
program can read, and a total that is the same at the end.

Its own tests are in tests/client/load.
"""

import json

import pytest
from server_process import run_program


def run_load(server, tmp_path, *arguments):
    """Runs it for a moment and returns its report."""
    report = tmp_path / "report.json"
    result = run_program(
        "latchkey-load", f"--address={server.address}", "--connections=2",
        "--in-flight=4", "--keys=500", "--warm-up=100ms", "--duration=500ms",
        f"--json={report}", *arguments)
    assert result.returncode == 0, (result.stdout, result.stderr)
    # And a table for people.
    assert b"p99" in result.stdout
    return json.loads(report.read_text())


@pytest.mark.parametrize("mix", [
    "get", "put", "mixed:90/10", "ycsb-a", "ycsb-b", "ycsb-c", "ycsb-f"])
def test_a_mix(server, tmp_path, mix):
    report = run_load(server, tmp_path, f"--mix={mix}",
                      f"--key-prefix={mix.replace(':', '-')}/",
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


def test_transfers_keep_the_total(server, tmp_path):
    report = run_load(server, tmp_path, "--mix=transfer", "--accounts=50",
                      "--initial-balance=1000", "--key-prefix=account/",
                      "--key-bytes=40")
    verification = report["verification"]
    assert verification["failures"] == 0
    assert verification["total"] == verification["total_expected"] == 50_000
    assert report["requests"] > 0


def test_an_open_loop_keeps_its_rate(server, tmp_path):
    report = run_load(server, tmp_path, "--mix=get", "--rate=400",
                      "--key-prefix=open/", "--key-bytes=40")
    assert report["options"]["loop"] == "open"
    sent = report["requests"] + report["not_sent_in_time"]
    assert 100 < sent < 300


def test_the_cpu_of_the_server_is_told(server, tmp_path):
    report = run_load(server, tmp_path, "--mix=get",
                      f"--server-pid={server.pid}", "--key-prefix=cpu/",
                      "--key-bytes=40")
    assert report["server_cpu"]["us_per_request"] > 0
    assert report["client_cpu"]["us_per_request"] > 0


def test_without_a_server_it_ends_with_3():
    result = run_program("latchkey-load", "--address=127.0.0.1:1",
                         "--duration=1s")
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
