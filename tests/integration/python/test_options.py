"""The command line of latchkeyd, its environment and its file."""

import re
import tomllib

import pytest
from client import Client
from server_process import run_program

OPTIONS = [
    "--help", "--version", "--listen", "--threads", "--transport",
    "--bulk-threads", "--bulk-queue-max", "--cors-origin",
    "--drain-seconds", "--config", "--print-config", "--allow-insecure",
    "--tls-certificate", "--tls-key", "--tls-client-ca",
    "--connections-max", "--connections-per-address-max",
    "--connection-idle-seconds", "--connection-age-seconds", "--calls-per-connection-max", "--calls-max",
    "--call-seconds-max", "--test-service-time-us", "--key-bytes-max", "--value-bytes-max",
    "--idempotency-window-seconds", "--idempotency-bytes-max",
    "--snapshot-bytes-max", "--memory-max-bytes", "--eviction", "--http-listen"
]


def latchkeyd(*arguments, **options):
    return run_program("latchkeyd", *arguments, **options)


def printed_config(*arguments, environment=None):
    """What --print-config says, as a dict."""
    result = latchkeyd("--print-config", *arguments, environment=environment)
    assert result.returncode == 0, result.stderr
    return tomllib.loads(result.stdout.decode())


def assert_refused(result, *names):
    """Fails unless the program ended with 2 and named one of `names`."""
    assert result.returncode == 2, (result.returncode, result.stderr)
    complaint = result.stderr.decode()
    assert any(name in complaint for name in names), complaint
    # Nothing was served, and nothing says so.
    assert b"listening" not in result.stdout


def test_help_lists_every_option():
    result = latchkeyd("--help")
    assert result.returncode == 0
    text = result.stdout.decode()
    listed = set(re.findall(r"--[a-z][a-z-]*", text))
    assert set(OPTIONS) <= listed
    # And what a file can set.
    assert {f"--{name}" for name in printed_config()} <= listed


def test_version():
    result = latchkeyd("--version")
    assert result.returncode == 0
    assert re.search(rb"\d+\.\d+\.\d+", result.stdout)


@pytest.mark.parametrize("arguments, names", [
    (["--no-such-option"], ["--no-such-option"]),
    (["--no-such-option=5"], ["--no-such-option"]),
    (["stray"], ["stray"]),
    (["--threads"], ["--threads"]),
    (["--threads=0"], ["--threads"]),
    (["--threads=-1"], ["--threads"]),
    (["--threads=1.5"], ["--threads"]),
    (["--threads=many"], ["--threads"]),
    (["--threads=99999999999999999999"], ["--threads"]),
    (["--threads="], ["--threads"]),
    (["--drain-seconds=-1"], ["--drain-seconds"]),
    (["--drain-seconds=x"], ["--drain-seconds"]),
    (["--transport=pigeon"], ["--transport"]),
    (["--cors-origin=example.org"], ["--cors-origin"]),
    (["--cors-origin=*", "--transport=grpc"], ["--cors-origin"]),
    (["--connections-max=0"], ["--connections-max"]),
    (["--bulk-threads=0"], ["--bulk-threads"]),
    (["--bulk-queue-max=0"], ["--bulk-queue-max"]),
    (["--listen="], ["--listen"]),
    (["--listen=nonsense"], ["--listen"]),
    (["--listen=127.0.0.1"], ["--listen"]),
    (["--listen=127.0.0.1:"], ["--listen"]),
    (["--listen=127.0.0.1:x"], ["--listen"]),
    (["--listen=127.0.0.1:65536"], ["--listen"]),
    (["--listen=127.0.0.1:-1"], ["--listen"]),
    (["--listen=:0"], ["--listen"]),
    (["--key-bytes-max=0"], ["--key-bytes-max"]),
    (["--value-bytes-max=-5"], ["--value-bytes-max"]),
    (["--idempotency-window-seconds=0"], ["--idempotency-window-seconds"]),
    (["--idempotency-bytes-max=0"], ["--idempotency-bytes-max"]),
    (["--config=/no/such/file.toml"], ["--config", "/no/such/file.toml"]),
])
def test_a_bad_argument_is_named(arguments, names):
    listen = [] if "--listen" in arguments[0] else ["--listen=127.0.0.1:0"]
    assert_refused(latchkeyd(*listen, *arguments), *names)


@pytest.mark.parametrize("name, value", [
    ("LATCHKEY_THREADS", "0"), ("LATCHKEY_THREADS", "x"),
    ("LATCHKEY_LISTEN", "nonsense"), ("LATCHKEY_DRAIN_SECONDS", "-1"),
])
def test_a_bad_environment_is_named(name, value):
    listen = [] if name == "LATCHKEY_LISTEN" else ["--listen=127.0.0.1:0"]
    option = "--" + name.removeprefix("LATCHKEY_").lower().replace("_", "-")
    assert_refused(latchkeyd(*listen, environment={name: value}), name, option)


@pytest.mark.parametrize("text, name", [
    ("threads = 0", "threads"), ('threads = "x"', "threads"),
    ("no-such-option = 1", "no-such-option"), ("threads = ", ""),
    ("[section]\nthreads = 1", "section"), ("threads", "threads"),
])
def test_a_bad_file_is_named(tmp_path, text, name):
    file = tmp_path / "latchkey.toml"
    file.write_text(text + "\n")
    assert_refused(latchkeyd("--listen=127.0.0.1:0", f"--config={file}"), name)


def test_flag_before_environment_before_file_before_default(tmp_path):
    file = tmp_path / "latchkey.toml"
    file.write_text('threads = 2\ndrain-seconds = 3\nlisten = "127.0.0.1:1"\n')
    environment = {"LATCHKEY_THREADS": "4", "LATCHKEY_DRAIN_SECONDS": "5"}

    default = printed_config()
    assert default["listen"] == "127.0.0.1:7411"
    assert default["transport"] == "native"

    config = printed_config(f"--config={file}", "--threads=6",
                            environment=environment)
    assert config["threads"] == 6
    assert config["drain-seconds"] == 5
    assert config["listen"] == "127.0.0.1:1"
    assert config["transport"] == default["transport"]

    # The file can be named by the environment as well.
    config = printed_config(environment={"LATCHKEY_CONFIG": str(file)})
    assert (config["threads"], config["drain-seconds"]) == (2, 3)


def test_a_printed_config_is_a_config(tmp_path):
    arguments = ["--threads=3", "--drain-seconds=7", "--allow-insecure",
                 "--listen=0.0.0.0:1234"]
    printed = latchkeyd("--print-config", *arguments)
    assert printed.returncode == 0, printed.stderr
    file = tmp_path / "latchkey.toml"
    file.write_bytes(printed.stdout)

    again = latchkeyd("--print-config", f"--config={file}")
    assert again.returncode == 0, again.stderr
    assert again.stdout == printed.stdout
    config = tomllib.loads(printed.stdout.decode())
    assert (config["threads"], config["drain-seconds"], config["listen"]) == (
        3, 7, "0.0.0.0:1234")
    assert config["allow-insecure"] is True


def test_a_server_that_is_configured_by_its_environment_serves(start_server,
                                                               keys):
    server = start_server(listen=False,
                          environment={"LATCHKEY_LISTEN": "127.0.0.1:0",
                                       "LATCHKEY_THREADS": "1"})
    with Client(server.address) as client:
        client.Put(key=keys("a"), value=b"1")
        assert client.Get(key=keys("a")).entry.value == b"1"


def test_a_server_that_is_configured_by_a_file_serves(start_server, tmp_path,
                                                      keys):
    file = tmp_path / "latchkey.toml"
    file.write_text('listen = "127.0.0.1:0"\nthreads = 1\n')
    server = start_server(f"--config={file}", listen=False)
    with Client(server.address) as client:
        client.Put(key=keys("a"), value=b"1")


def test_port_0_is_a_port_of_the_machines_choice(start_server):
    servers = [start_server() for _ in range(2)]
    ports = {server.socket_address for server in servers}
    assert len(ports) == 2
    assert all(host == "127.0.0.1" and port > 0 for host, port in ports)


def test_a_port_that_is_taken_is_an_error_and_no_second_server(start_server,
                                                               keys):
    first = start_server()
    second = latchkeyd(f"--listen={first.address}")
    assert second.returncode not in (0, 2)
    assert b"listening" not in second.stdout
    assert first.address in second.stderr.decode()
    with Client(first.address) as client:
        client.Put(key=keys("a"), value=b"1")


@pytest.mark.parametrize("address", [
    "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.invalid:0"])
def test_others_than_this_machine_need_allow_insecure(address):
    result = latchkeyd(f"--listen={address}")
    assert result.returncode not in (0, None)
    assert b"listening" not in result.stdout
    assert b"--allow-insecure" in result.stderr or (
        address == "example.invalid:0" and b"--listen" in result.stderr)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.0.0.2:0"])
def test_all_of_loopback_needs_nothing(start_server, address):
    server = start_server(f"--listen={address}", listen=False)
    assert server.socket_address[0] == address.removesuffix(":0")


def test_the_log_is_whole_lines_and_says_when_it_stops(start_server):
    server = start_server()
    server.stop()
    log = server.log()
    assert log.endswith("\n")
    assert server.address in log
