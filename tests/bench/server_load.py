"""What the scripts that measure servers share: latchkeyd, redis-server and memcached
with one thread on core 0, and latchkey-load on core 1."""

import contextlib
import json
import os
import socket
import subprocess


@contextlib.contextmanager
def running(command):
    """A process of our own on core 0."""
    process = subprocess.Popen(["taskset", "-c", "0", *command],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextlib.contextmanager
def serve(programs, *options):
    """A server of our own; yields its process and address."""
    with running([programs / "latchkeyd", "--threads=1",
                  "--listen=127.0.0.1:0", "--http-listen=off",
                  "--log-level=warn", *options]) as server:
        yield server, server.stdout.readline().split()[1]


@contextlib.contextmanager
def latchkeyd(programs, *options):
    """As serve(); yields its process id and port, as those below."""
    with serve(programs, *options) as (server, address):
        yield server.pid, int(address.rpartition(":")[2])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def redis(*options, tls=None):
    """`tls`: the files of a certificate and of its key."""
    port = free_port()
    listen = ["--port", str(port)] if tls is None else [
        "--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no",
        "--tls-cert-file", tls[0], "--tls-key-file", tls[1]]
    with running(["redis-server", *listen, "--save", "",
                  "--bind", "127.0.0.1", *options]) as process:
        for line in process.stdout:
            if "Ready to accept connections" in line:
                break
        yield process.pid, port


@contextlib.contextmanager
def memcached(*options):
    port = free_port()
    user = ["-u", "root"] if os.getuid() == 0 else []
    with running(["memcached", "-t", "1", "-p", str(port), "-l", "127.0.0.1",
                  *user, *options]) as process:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
        yield process.pid, port


@contextlib.contextmanager
def echo(programs):
    with running([programs / "echo_server"]) as process:
        yield process.pid, int(process.stdout.readline().rpartition(":")[2])


def resident_bytes(pid):
    """What a process has in memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return 1024 * int(line.split()[1])


def run_load(programs, server, address, mix, shape, seconds, *options):
    """One run; returns latchkey-load's report.  `shape`: connections, and requests
    in flight on each."""
    connections, in_flight = shape
    done = subprocess.run(
        ["taskset", "-c", "1", programs / "latchkey-load",
         f"--address={address}", f"--mix={mix}",
         f"--connections={connections}", f"--in-flight={in_flight}",
         "--warm-up=1s", f"--duration={seconds}s",
         f"--server-pid={server.pid}", "--json=-", *options],
        stdout=subprocess.PIPE, check=True, timeout=seconds + 120)
    return json.loads(done.stdout)


def measure(*run):
    """One run; returns microseconds of the server's CPU (user + system) for each
    request."""
    return run_load(*run)["server_cpu"]["us_per_request"]
