"""What the scripts that measure a server share: latchkeyd with one thread on core 0,
and latchkey-load on core 1."""

import contextlib
import json
import subprocess


@contextlib.contextmanager
def serve(programs, *options):
    """A server of our own; yields its process and address."""
    server = subprocess.Popen(
        ["taskset", "-c", "0", programs / "latchkeyd", "--threads=1",
         "--listen=127.0.0.1:0", "--http-listen=off", "--log-level=warn",
         *options], stdout=subprocess.PIPE, text=True)
    try:
        yield server, server.stdout.readline().split()[1]
    finally:
        server.terminate()
        server.wait(timeout=60)


def measure(programs, server, address, mix, shape, seconds, *options):
    """One run; returns microseconds of the server's CPU (user + system) for each
    request.  `shape`: connections, and requests in flight on each."""
    connections, in_flight = shape
    done = subprocess.run(
        ["taskset", "-c", "1", programs / "latchkey-load",
         f"--address={address}", f"--mix={mix}",
         f"--connections={connections}", f"--in-flight={in_flight}",
         "--warm-up=1s", f"--duration={seconds}s",
         f"--server-pid={server.pid}", "--json=-", *options],
        stdout=subprocess.PIPE, check=True, timeout=seconds + 120)
    return json.loads(done.stdout)["server_cpu"]["us_per_request"]
