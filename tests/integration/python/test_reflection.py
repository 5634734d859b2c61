"""The standard reflection service, both versions, as grpcurl asks it."""

import grpc
import pytest
from api import (pb, reflection_v1, reflection_v1_stubs, reflection_v1alpha,
                 reflection_v1alpha_stubs)
from client import CALL_SECONDS, SERVICE
from google.protobuf import descriptor_pb2, descriptor_pool

NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]

VERSIONS = {
    "v1": (reflection_v1, reflection_v1_stubs),
    "v1alpha": (reflection_v1alpha, reflection_v1alpha_stubs),
}


class Reflection:
    """Asks one question on each stream, or several on one."""

    def __init__(self, channel, version):
        self._messages, stubs = VERSIONS[version]
        self._stub = stubs.ServerReflectionStub(channel)

    def ask_all(self, *questions):
        requests = [self._messages.ServerReflectionRequest(**question)
                    for question in questions]
        return list(self._stub.ServerReflectionInfo(iter(requests),
                                                    timeout=CALL_SECONDS))

    def ask(self, **question):
        answers = self.ask_all(question)
        assert len(answers) == 1
        return answers[0]

    def files(self, **question):
        """The files of the answer, by name."""
        answer = self.ask(**question)
        assert answer.WhichOneof("message_response") == (
            "file_descriptor_response"), answer
        files = [descriptor_pb2.FileDescriptorProto.FromString(file)
                 for file in
                 answer.file_descriptor_response.file_descriptor_proto]
        return {file.name: file for file in files}


@pytest.fixture(name="reflection", params=VERSIONS)
def fixture_reflection(cache, request):
    return Reflection(cache.channel, request.param)


def test_the_services_are_listed(reflection):
    answer = reflection.ask(list_services="")
    names = [service.name for service in answer.list_services_response.service]
    assert sorted(names) == sorted([
        SERVICE, "latchkey.v1.Admin", "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ])


@pytest.mark.parametrize("symbol, file", [
    (SERVICE, "latchkey/v1/cache.proto"),
    (SERVICE + ".Get", "latchkey/v1/cache.proto"),
    ("latchkey.v1.Entry", "latchkey/v1/cache.proto"),
    ("latchkey.v1.Admin.GetStats", "latchkey/v1/admin.proto"),
    ("latchkey.v1.ScanRequest.Consistency", "latchkey/v1/cache.proto"),
    ("grpc.health.v1.Health", "grpc/health/v1/health.proto"),
    ("grpc.reflection.v1.ServerReflection",
     "grpc/reflection/v1/reflection.proto"),
    ("grpc.reflection.v1alpha.ServerReflection",
     "grpc/reflection/v1alpha/reflection.proto"),
    ("google.protobuf.Duration", "google/protobuf/duration.proto"),
])
def test_the_file_of_a_symbol(reflection, symbol, file):
    assert file in reflection.files(file_containing_symbol=symbol)


def test_the_files_describe_the_whole_api(reflection):
    files = reflection.files(file_containing_symbol=SERVICE)
    # A tool fetches what is missing by name.
    missing = {name for file in files.values() for name in file.dependency
               if name not in files}
    while missing:
        files.update(reflection.files(file_by_filename=missing.pop()))
        missing |= {name for file in files.values()
                    for name in file.dependency if name not in files}

    pool = descriptor_pool.DescriptorPool()
    added = set()

    def add(name):
        if name in added:
            return
        added.add(name)
        for dependency in files[name].dependency:
            add(dependency)
        pool.AddSerializedFile(files[name].SerializeToString())

    for name in files:
        add(name)
    served = pool.FindServiceByName(SERVICE)
    described = pb.DESCRIPTOR.services_by_name["Cache"]
    assert [method.name for method in served.methods] == [
        method.name for method in described.methods]
    for method in served.methods:
        ours = described.methods_by_name[method.name]
        assert method.input_type.full_name == ours.input_type.full_name
        assert ([(field.name, field.number)
                 for field in method.input_type.fields] ==
                [(field.name, field.number)
                 for field in ours.input_type.fields])


@pytest.mark.parametrize("question", [
    {"file_containing_symbol": "latchkey.v1.NoSuchThing"},
    {"file_containing_symbol": ""},
    {"file_by_filename": "latchkey/v1/no_such_file.proto"},
    {"file_containing_extension": {
        "containing_type": "latchkey.v1.Entry", "extension_number": 100}},
    {"all_extension_numbers_of_type": "latchkey.v1.NoSuchThing"},
], ids=["symbol", "no symbol", "file", "extension", "type"])
def test_what_is_not_there_is_not_found(reflection, question):
    answer = reflection.ask(**question)
    assert answer.WhichOneof("message_response") == "error_response"
    assert answer.error_response.error_code == NOT_FOUND
    assert answer.error_response.error_message


def test_a_stream_has_one_answer_for_each_question(reflection):
    answers = reflection.ask_all(
        {"host": "a", "list_services": ""},
        {"host": "b", "file_containing_symbol": "no.such.symbol"},
        {"host": "c", "file_containing_symbol": SERVICE})
    assert [answer.WhichOneof("message_response") for answer in answers] == [
        "list_services_response", "error_response", "file_descriptor_response"]
    assert [answer.valid_host for answer in answers] == ["a", "b", "c"]
    assert answers[1].original_request.file_containing_symbol == (
        "no.such.symbol")


def test_a_stream_without_a_question_ends_well(reflection):
    assert reflection.ask_all() == []


def test_a_question_of_no_kind_is_an_error(reflection):
    try:
        answer = reflection.ask(host="a")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    else:
        assert answer.WhichOneof("message_response") == "error_response"
