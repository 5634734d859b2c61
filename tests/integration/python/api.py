"""The messages and stubs that `run` generated from the repository's protos.

Everything else imports them from here, because two of the generated packages,
grpc.health and grpc.reflection, lie inside a package that grpcio installs
elsewhere: its search path is widened first.
"""

import os
import sys

import grpc

_STUBS = os.environ["LATCHKEY_TEST_STUBS"]
sys.path.insert(0, _STUBS)
grpc.__path__.append(os.path.join(_STUBS, "grpc"))

# pylint: disable=wrong-import-position
from google.protobuf.duration_pb2 import Duration  # noqa: E402
from google.protobuf.timestamp_pb2 import Timestamp  # noqa: E402
from google.rpc import error_details_pb2 as error_details  # noqa: E402
from google.rpc import status_pb2 as rpc_status  # noqa: E402
from grpc.health.v1 import health_pb2 as health  # noqa: E402
from grpc.health.v1 import health_pb2_grpc as health_stubs  # noqa: E402
from grpc.reflection.v1 import reflection_pb2 as reflection_v1  # noqa: E402
from grpc.reflection.v1 import (  # noqa: E402
    reflection_pb2_grpc as reflection_v1_stubs)
from grpc.reflection.v1alpha import (  # noqa: E402
    reflection_pb2 as reflection_v1alpha)
from grpc.reflection.v1alpha import (  # noqa: E402
    reflection_pb2_grpc as reflection_v1alpha_stubs)
from latchkey.v1 import admin_pb2 as admin  # noqa: E402
from latchkey.v1 import admin_pb2_grpc as admin_stubs  # noqa: E402
from latchkey.v1 import cache_pb2 as pb  # noqa: E402
from latchkey.v1 import cache_pb2_grpc as cache_stubs  # noqa: E402
from latchkey.v1 import errors_pb2 as errors  # noqa: E402

__all__ = [
    "Duration", "Timestamp", "admin", "admin_stubs", "cache_stubs",
    "error_details", "errors", "health", "health_stubs", "pb",
    "reflection_v1", "reflection_v1_stubs", "reflection_v1alpha",
    "reflection_v1alpha_stubs", "rpc_status"
]

KEY_BYTES_MAX = 1024
VALUE_BYTES_MAX = 1024 * 1024
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
OPERATIONS_MAX = 128
BATCH_GET_KEYS_MAX = 10_000
IDEMPOTENCY_KEY_BYTES_MAX = 64
INT64_MAX = 2**63 - 1
INT64_MIN = -2**63
