"""No log shows a key in full, or any of a value, at its most talkative."""

import pytest
from client import WRITES, Client
from conftest import (KEY_CANARY, VALUE_CANARY, assert_log_keeps_secrets,
                      value_of)
from grpc import RpcError
from server_process import run_program
from test_bad_input import LONG_VALUE
from test_errors import ROWS
from test_hostile_input import GARBAGE

SECRET = value_of("secret")


def test_the_check_itself_finds_a_canary():
    for canary in (KEY_CANARY, VALUE_CANARY):
        for shown in (canary.decode(), canary.hex(), canary.decode().upper()):
            with pytest.raises(AssertionError):
                assert_log_keeps_secrets(f"put {shown} failed")
    assert_log_keeps_secrets("put k-1... failed")


def most_talkative():
    """The option that makes a server log all it can, where there is one."""
    help_text = run_program("latchkeyd", "--help").stdout
    return ["--log-level=trace"] if b"--log-level" in help_text else []


def test_logs_hold_no_keys_and_no_values(start_server, keys):
    server = start_server(*most_talkative())
    with Client(server.address) as client:
        client.Put(key=keys("a"), value=SECRET)
        client.Get(key=keys("a"))
        client.Move(source_key=keys("a"), destination_key=keys("b"))
        client.Delete(key=keys("b"), return_previous=True)
        # Refused in every way there is.
        refused = 0
        for row in ROWS:
            for name, value in row.given.items():
                client.Put(key=keys(name), value=value)
            try:
                client.call(row.method, **row.request(keys))
            except RpcError:
                refused += 1
        assert refused > 0
        for method, fields in {
                "Put": {"key": keys("a"), "value": SECRET + LONG_VALUE},
                "Get": {"key": keys("a") * 100},
                "Scan": {"prefix": keys("a"), "resume_token": LONG_VALUE},
                "GetOutcome": {"idempotency_key": VALUE_CANARY * 10}}.items():
            with pytest.raises(RpcError):
                client.call(method, **fields)
        client.Put(key=keys("a"), value=SECRET, idempotency_key=VALUE_CANARY)
        client.GetOutcome(idempotency_key=VALUE_CANARY)
        for method in WRITES:
            for garbage in GARBAGE.values():
                with pytest.raises(RpcError):
                    client.send_bytes(method, keys("a") + garbage)
        with pytest.raises(RpcError):
            client.channel.unary_unary(
                "/no/such/" + KEY_CANARY.decode())(SECRET, timeout=30)
    server.stop()
    log = server.log()
    # It was the right file.
    assert server.address in log
    assert_log_keeps_secrets(log)
