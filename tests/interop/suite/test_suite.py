"""The same calls from five languages over both transports: each answer is what
it should be, and all answers are equal.

INTEROP_CLIENTS has a line for each language: its name, and a command.
"""

import os
import shlex
import subprocess

import pytest
import suite_cases
from api import error_details, health, pb, rpc_status
from server_process import BIN, PATIENCE_SECONDS, ServerProcess

# For all calls of a language.
CLIENT_SECONDS = 240

CLIENTS = dict(line.split(" ", 1)
               for line in os.environ["INTEROP_CLIENTS"].splitlines())
TRANSPORTS = ("grpc", "native")
CASES = [*suite_cases.CACHE_CASES, *suite_cases.TEST_CASES]

# What differs from one server to the next.
FLEETING = frozenset(["version", "snapshot_version", "expire_time",
                      "complete_time", "resume_token", "current_version",
                      "token"])


def run_client(language, address, cases, folder):
    calls, answers = folder / "calls", folder / "answers"
    suite_cases.write(cases, calls)
    subprocess.run([*shlex.split(CLIENTS[language]), address, calls, answers],
                   check=True, timeout=CLIENT_SECONDS)
    return suite_cases.read(answers)


def call_test_service(language, transport, folder):
    with subprocess.Popen([BIN / "interop-server", transport], text=True,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as server:
        address = server.stdout.readline().split()[1]
        answers = run_client(language, address, suite_cases.TEST_CASES, folder)
        server.stdin.close()
        assert server.wait(PATIENCE_SECONDS) == 0
    return answers


@pytest.fixture(name="answers", scope="session")
def fixture_answers(tmp_path_factory):
    """All answers of a language over a transport, once."""
    known = {}

    def answers_of(language, transport):
        if (language, transport) not in known:
            folder = tmp_path_factory.mktemp(f"{language}-{transport}")
            with ServerProcess(folder / "log", "--threads=2",
                               transport=transport) as server:
                cache = run_client(language, server.address,
                                   suite_cases.CACHE_CASES, folder)
            known[language, transport] = [
                *cache, *call_test_service(language, transport, folder)]
        return known[language, transport]

    return answers_of


def forget_fleeting(message):
    """The message as text, without what differs between servers."""
    for field, value in list(message.ListFields()):
        if field.name in FLEETING:
            message.ClearField(field.name)
        elif field.message_type and not hasattr(value, "keys"):
            parts = value if hasattr(value, "add") else [value]
            for part in parts:
                forget_fleeting(part)
    return str(message)


def stored_answer(case):
    """The class of a case's answers, or None where bytes are compared."""
    if case.method == suite_cases.WATCH:
        return health.HealthCheckResponse
    name = case.method.removeprefix(suite_cases.CACHE)
    return getattr(pb, f"{name}Response", None)


def normalized(case, answer):
    """What has to be equal in all languages and transports."""
    kind = stored_answer(case)
    messages = [bytes.fromhex(text) for text in answer["answers"]]
    if case.cancel_after >= 0:
        # More may be on its way.
        messages = messages[:case.cancel_after]
    if kind is not None:
        parsed = [kind.FromString(message) for message in messages]
        for message in parsed:
            if kind is pb.GetOutcomeResponse:
                # It has a version in it.
                message.response = b""
        messages = [forget_fleeting(message) for message in parsed]
        if kind is pb.ScanResponse:
            # The order of keys is a server's own, by its secret hash, and so
            # is whether its last entry fills a page or an empty page follows.
            most = pb.ScanRequest.FromString(case.requests[0]).page_size
            assert all(len(page.entries) <= most for page in parsed)
            messages = sorted(
                str(entry) for page in parsed for entry in page.entries)
    # Of a call that was ended from both sides, one of them says why.
    reason = "" if case.code in (1, 4) else reason_of(answer)
    return {"code": answer["code"], "messages": messages, "reason": reason,
            "trailers": answer["trailers"]}


def reason_of(answer):
    details = rpc_status.Status.FromString(bytes.fromhex(answer["details"]))
    for part in details.details:
        info = error_details.ErrorInfo()
        if part.Unpack(info):
            return info.reason
    return ""


@pytest.mark.parametrize("number", range(len(CASES)),
                         ids=[case.name for case in CASES])
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("language", CLIENTS)
def test_call(answers, language, transport, number):
    case = CASES[number]
    answer = answers(language, transport)[number]
    assert answer["code"] == case.code, answer["message"]
    got = normalized(case, answer)
    if case.reason:
        assert got["reason"] == case.reason
    if case.code != 1:
        assert tuple(got["trailers"]) == tuple(sorted(case.trailers))
    # The first language, over the library that others know.
    first = answers(next(iter(CLIENTS)), TRANSPORTS[0])[number]
    assert got == normalized(case, first)
