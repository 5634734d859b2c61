"""The standard health service."""

import grpc
import pytest
from api import health, health_stubs
from client import CALL_SECONDS, SERVICE

SERVING = health.HealthCheckResponse.SERVING
SERVICE_UNKNOWN = health.HealthCheckResponse.SERVICE_UNKNOWN


@pytest.fixture(name="stub")
def fixture_stub(cache):
    return health_stubs.HealthStub(cache.channel)


def request_of(name):
    return health.HealthCheckRequest(service=name)


@pytest.mark.parametrize("name", ["", SERVICE])
def test_check_of_what_is_served(stub, name):
    answer = stub.Check(request_of(name), timeout=CALL_SECONDS)
    assert answer.status == SERVING


@pytest.mark.parametrize("name", ["latchkey.v1", SERVICE + "/Get", "x" * 5000])
def test_check_of_an_unknown_name(stub, name):
    with pytest.raises(grpc.RpcError) as raised:
        stub.Check(request_of(name), timeout=CALL_SECONDS)
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("name, status", [
    ("", SERVING), (SERVICE, SERVING), ("no.such.Service", SERVICE_UNKNOWN)])
def test_watch_tells_the_status_at_once_and_stays_open(stub, name, status):
    watch = stub.Watch(request_of(name), timeout=CALL_SECONDS)
    assert next(watch).status == status
    assert watch.is_active()
    watch.cancel()
    with pytest.raises(grpc.RpcError) as raised:
        next(watch)
    assert raised.value.code() == grpc.StatusCode.CANCELLED
    # The connection is as good as before.
    assert stub.Check(request_of(""),
                      timeout=CALL_SECONDS).status == SERVING


def test_many_may_watch(stub):
    watches = [stub.Watch(request_of(""), timeout=CALL_SECONDS)
               for _ in range(50)]
    assert {next(watch).status for watch in watches} == {SERVING}
    for watch in watches:
        watch.cancel()


def test_a_watch_ends_by_its_deadline(stub):
    watch = stub.Watch(request_of(""), timeout=0.5)
    with pytest.raises(grpc.RpcError) as raised:
        list(watch)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_a_request_that_is_no_message(cache, method):
    call = cache.channel.unary_stream(f"/grpc.health.v1.Health/{method}")
    with pytest.raises(grpc.RpcError) as raised:
        list(call(b"\xff\xff", timeout=CALL_SECONDS))
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
