"""`latchkey` as a script uses it: exit codes, values from everywhere, --json.

Its own tests are in tests/client/cli; these see it talk to a server.
"""

import base64
import concurrent.futures
import contextlib
import functools
import json
import re
import shlex
import socket
import subprocess

import pytest
from client import Client
from conftest import value_of
from relay import Relay
from server_process import run_program

OK, REFUSED, USAGE, UNAVAILABLE, DEADLINE, OTHER = 0, 1, 2, 3, 4, 5


@pytest.fixture(name="latchkey")
def fixture_latchkey(server):
    """Runs the program against the session's server; its options may be str
    or bytes."""
    return functools.partial(
        run_program, "latchkey",
        environment={"LATCHKEY_SERVER": server.address})


@pytest.fixture(name="key")
def fixture_key(keys):
    """A key as an argument."""
    return lambda name: keys(name).decode()


def assert_ended(result, code):
    assert result.returncode == code, (result.stdout, result.stderr)
    return result


def test_put_and_get(latchkey, key):
    put = assert_ended(latchkey("put", key("a"), "hello"), OK)
    assert b"version=" in put.stdout
    # The value as it is, for a pipe.
    get = assert_ended(latchkey("get", key("a")), OK)
    assert get.stdout == b"hello"
    miss = assert_ended(latchkey("get", key("missing")), REFUSED)
    assert miss.stdout == b""


ALL_BYTES = bytes(range(256)) * 5


def test_a_value_comes_from_a_file_or_the_input(latchkey, cache, keys, key,
                                                tmp_path):
    file = tmp_path / "value"
    file.write_bytes(ALL_BYTES)
    assert_ended(latchkey("put", key("a"), "--file", file), OK)
    assert cache.Get(key=keys("a")).entry.value == ALL_BYTES

    assert_ended(latchkey("put", key("b"), "-", input=ALL_BYTES[::-1]), OK)
    assert cache.Get(key=keys("b")).entry.value == ALL_BYTES[::-1]
    assert assert_ended(latchkey("get", key("b")), OK).stdout == (
        ALL_BYTES[::-1])


def test_json_is_for_programs(latchkey, cache, keys, key):
    cache.Put(key=keys("a"), value=b"\xff\x00")
    answer = json.loads(
        assert_ended(latchkey("get", key("a"), "--json"), OK).stdout)
    entry = answer["entry"]
    assert base64.b64decode(entry["value_base64"]) == b"\xff\x00"
    assert entry["key_text"] == key("a")
    assert int(entry["version"]) == cache.Get(key=keys("a")).entry.version

    failed = assert_ended(latchkey("--json", "increment", key("a")), REFUSED)
    error = json.loads(failed.stdout)["error"]
    assert error["code"] == "FAILED_PRECONDITION"
    assert error["reason"] == "NOT_A_COUNTER"
    assert error["metadata"]["applied"] == "no"


def test_every_rpc_that_is_served(latchkey, cache, keys, key, tmp_path):
    def run(*arguments, **options):
        return assert_ended(latchkey(*arguments, **options), OK).stdout

    run("batch-put", key("a") + "=5", key("b") + "=7")
    assert run("increment", key("a"), "10").strip() == b"15"
    run("transfer", key("a"), key("b"), "5")
    run("touch", key("a"), "--ttl", "1h")
    assert cache.Get(key=keys("a")).entry.HasField("expire_time")
    run("move", key("b"), key("c"))
    lines = run("batch-get", "--atomic", key("a"), key("c")).splitlines()
    assert [line.split(b"\t")[1] for line in lines] == [b"10", b"12"]

    file = tmp_path / "transaction.json"
    file.write_text(json.dumps({
        "compares": [{"key": base64.b64encode(keys("a")).decode(),
                      "precondition": {"exists": True}}],
        "onSuccess": [{"put": {"key": base64.b64encode(keys("d")).decode(),
                               "value": "MQ=="}}]}))
    run("transact", file)
    assert cache.Get(key=keys("d")).entry.value == b"1"

    run("delete", key("d"))
    assert_ended(latchkey("delete", key("d")), REFUSED)
    run("batch-delete", key("a"), key("c"))
    assert b"SERVING" in run("health")
    run("health", "--service", "latchkey.v1.Cache")


def test_a_lease_is_filled(latchkey, key):
    miss = assert_ended(latchkey("get", key("a"), "--lease", "1h", "--json"),
                        REFUSED)
    token = json.loads(miss.stdout)["lease"]["token_base64"]
    other = assert_ended(latchkey("get", key("a"), "--lease", "1h"), REFUSED)
    assert b"leased to another caller" in other.stderr
    waits = ["get", key("a"), "--lease", "1h", "--wait", "--timeout", "100ms"]
    assert_ended(latchkey(*waits), DEADLINE)
    fill = ["put", key("a"), "hello", "--lease-token", token]
    assert_ended(latchkey(*fill), OK)
    assert assert_ended(latchkey(*waits), OK).stdout == b"hello"
    lost = assert_ended(latchkey(*fill), REFUSED)
    assert b"LEASE_LOST" in lost.stderr


@pytest.mark.parametrize("arguments", [
    ["put", "KEY", "x", "--if-missing"],
    ["put", "KEY", "x", "--if-version", "1"],
    ["delete", "KEY", "--if-value", "other"],
    ["increment", "KEY"],
    ["increment", "MISSING"],
    ["move", "MISSING", "KEY"],
    ["touch", "MISSING", "--persist"],
    ["batch-get", "KEY", "MISSING"],
])
def test_what_the_server_refuses_is_exit_code_1(latchkey, cache, keys,
                                                arguments):
    cache.Put(key=keys("KEY"), value=value_of("one"))
    result = latchkey(*[keys(text).decode() if text.isupper() else text
                        for text in arguments])
    assert_ended(result, REFUSED)
    assert result.stdout or result.stderr
    assert cache.Get(key=keys("KEY")).entry.value == value_of("one")


@pytest.mark.parametrize("arguments", [
    [], ["no-such-command"], ["get"], ["put", "key"],
    ["get", "key", "--no-such-option"], ["get", ""],
    ["increment", "key", "one"], ["put", "key", "x", "--ttl", "0s"],
    ["put", "key", "x", "--ttl", "1h", "--persist"],
    ["transact", "/no/such/file"], ["get", "key", "--timeout", "soon"],
])
def test_wrong_use_is_exit_code_2(latchkey, arguments):
    result = assert_ended(latchkey(*arguments), USAGE)
    assert result.stderr
    assert not result.stdout


def test_no_server_is_exit_code_3():
    # Bound and not listening, so that no one else gets the port.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = "%s:%d" % taken.getsockname()
        for command in (["get", "key"], ["health"]):
            result = run_program("latchkey", "--server", address, *command)
            assert_ended(result, UNAVAILABLE)
            assert result.stderr


def test_a_server_that_does_not_answer_is_exit_code_4(start_server):
    server = start_server()
    with server.paused():
        result = run_program("latchkey", "--server", server.address,
                             "--timeout", "300ms", "get", "key")
    # No connection could be made in time, or no answer came.
    assert result.returncode in (DEADLINE, UNAVAILABLE), result.stderr


def outcome_command(result):
    """The command that `latchkey` told to ask with, as a list."""
    hint = re.search(r"outcome unknown: it may have been applied; "
                     r"ask `latchkey (.*)`", result.stderr.decode())
    assert hint, result.stderr
    return shlex.split(hint.group(1))


INCREMENT = b"/latchkey.v1.Cache/Increment"


def test_a_write_whose_answer_is_lost_is_sent_again_and_counts_once(
        server, cache, keys, key):
    with (Relay(server.socket_address, INCREMENT, Relay.drop_answers) as relay,
          concurrent.futures.ThreadPoolExecutor() as pool):
        sent = pool.submit(run_program, "latchkey", "--server", relay.address,
                           "--timeout", "30s", "-v", "increment", key("n"),
                           "--initial", "0")
        while not cache.Get(key=keys("n")).HasField("entry"):
            assert not sent.done(), sent.result().stderr
        relay.reset()
        result = assert_ended(sent.result(), OK)
    assert result.stdout == b"1\n"
    assert b"attempts=2 replayed=true" in result.stderr
    assert cache.Get(key=keys("n")).entry.value == b"1"


def test_a_write_across_a_restart_is_never_applied_anew(start_server, keys,
                                                        key):
    server = start_server()
    successors = []

    def restart(relay):
        relay.drop_answers()
        server.stop()
        successors.append(start_server())
        relay.target = successors[0].socket_address
        relay.reset()

    with Relay(server.socket_address, INCREMENT, restart) as relay:
        result = run_program("latchkey", "--server", relay.address,
                             "--timeout", "30s", "--json", "increment",
                             key("n"), "--initial", "0")
        # As far as the program can know, the first copy was applied.
        assert_ended(result, OTHER)
        error = json.loads(result.stdout)["error"]
        assert error["reason"] == "INCARNATION_CHANGED"
        assert (error["outcome"], error["attempts"]) == ("unknown", 2)
        assert outcome_command(result)[-1] == error["idempotency_key"]
    with Client(successors[0].address) as client:
        assert not client.Get(key=keys("n")).HasField("entry")


def test_an_unknown_outcome_is_settled_by_a_fence(start_server, keys, key):
    server = start_server()
    with contextlib.ExitStack() as pause:
        relay = Relay(server.socket_address, INCREMENT,
                      lambda _: pause.enter_context(server.paused()))
        with relay:
            late = run_program("latchkey", "--server", relay.address,
                               "--timeout", "2s", "increment", key("n"),
                               "--initial", "0")
            assert_ended(late, DEADLINE)
            ask = outcome_command(late)
            pause.close()
            settled = run_program("latchkey", *ask, "--fence", "--json")
            # Whichever it was, it stays so.
            again = run_program("latchkey", "--server", server.address,
                                "increment", key("n"), "--initial", "0",
                                "--idempotency-key", ask[-1])
    with Client(server.address) as client:
        entry = client.Get(key=keys("n")).entry
    if json.loads(settled.stdout)["state"] == "DONE":
        assert_ended(settled, OK)
        assert assert_ended(again, OK).stdout == b"1\n"
        assert entry.value == b"1"
    else:
        assert json.loads(settled.stdout)["state"] == "NOT_APPLIED"
        assert_ended(settled, REFUSED)
        assert b"IDEMPOTENCY_KEY_FENCED" in (
            assert_ended(again, REFUSED).stderr)
        assert entry.value == b""


def test_a_scan(latchkey, cache, keys):
    prefix = keys("a").decode().split("/")[0] + "/"
    names = [keys(f"entry-{i}") for i in range(30)]
    for name in names:
        cache.Put(key=name, value=b"value")
    listed = assert_ended(latchkey("scan", prefix, "--snapshot", "--keys-only",
                                   "--page-size", "7"), OK).stdout
    assert sorted(listed.split()) == sorted(names)
    few = assert_ended(latchkey("scan", prefix, "--limit", "3"), OK).stdout
    assert len(few.splitlines()) == 3
    # Each message of the scan is an object, with what leads to the next.
    pages = assert_ended(latchkey("scan", prefix, "--json", "--page-size", "20"),
                         OK).stdout.splitlines()
    token = json.loads(pages[0])["resume_token_base64"]
    rest = assert_ended(latchkey("scan", prefix, "--resume-token", token,
                                 "--page-size", "20"), OK).stdout
    assert len(rest.splitlines()) == 10
    refused = latchkey("scan", prefix, "--resume-token", "eA==")
    assert refused.returncode == USAGE
    assert b"INVALID_FIELD" in refused.stderr


def test_help_names_every_command():
    text = assert_ended(run_program("latchkey", "--help"), OK).stdout.decode()
    for command in ("get", "batch-get", "put", "batch-put", "delete",
                    "batch-delete", "increment", "touch", "move", "transfer",
                    "transact", "scan", "get-outcome", "health"):
        assert re.search(rf"^  {command}\b[^-]", text, re.MULTILINE)


def test_the_completion_of_bash_is_a_script():
    script = assert_ended(run_program("latchkey", "completion", "bash"), OK)
    check = subprocess.run(["bash", "-n"], input=script.stdout, check=False,
                           stderr=subprocess.PIPE)
    assert check.returncode == 0, check.stderr
