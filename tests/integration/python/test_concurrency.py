"""Many clients at once: what no read may ever see."""

import threading

from client import Client
from grpc import RpcError, StatusCode
from server_process import PATIENCE_SECONDS

THREADS = 8
TURNS = 60
BALANCE = 100


def run_together(functions):
    """Runs functions in threads of their own; raises what one of them did."""
    failures = []
    start = threading.Barrier(len(functions))

    def run(function):
        try:
            start.wait(PATIENCE_SECONDS)
            function()
        except BaseException as failure:  # pylint: disable=broad-except
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(function,))
               for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_transfers_in_circles_keep_the_total(server, keys):
    accounts = [keys(number) for number in range(THREADS)]
    with Client(server.address) as client:
        client.BatchPut(puts=[
            {"key": key, "value": str(BALANCE).encode()} for key in accounts])
    done = threading.Event()
    reads = []

    def transfer(number):
        # Half of them go the other way around.
        step = 1 if number % 2 else -1
        with Client(server.address) as client:
            for turn in range(TURNS):
                source = (number + step * turn) % THREADS
                try:
                    client.Transfer(
                        source_key=accounts[source],
                        destination_key=accounts[(source + step) % THREADS],
                        amount=1 + turn % 7)
                except RpcError as error:
                    # Too poor; nothing else may happen.
                    if error.code() != StatusCode.OUT_OF_RANGE:
                        raise

    def read():
        version = 0
        with Client(server.address) as client:
            while not done.is_set() or len(reads) < 10:
                answer = client.BatchGet(keys=accounts, atomic=True)
                values = [int(result.entry.value)
                          for result in answer.results]
                assert sum(values) == THREADS * BALANCE
                assert min(values) >= 0
                assert answer.snapshot_version >= version
                version = answer.snapshot_version
                assert all(result.entry.version <= version
                           for result in answer.results)
                reads.append(values)

    def transfer_all():
        try:
            run_together([lambda number=number: transfer(number)
                          for number in range(THREADS)])
        finally:
            done.set()

    run_together([transfer_all, read, read])
    # The circles did turn.
    assert len({tuple(values) for values in reads}) > 1


def test_of_racing_writers_on_a_version_one_wins(server, keys):
    wins = []

    def count_up(client, number):
        for _ in range(TURNS):
            entry = client.Get(key=keys("n")).entry
            try:
                client.Put(key=keys("n"), value=str(
                    int(entry.value) + 1).encode(),
                           precondition={"version": entry.version})
                wins.append(number)
            except RpcError as error:
                if error.code() != StatusCode.ABORTED:
                    raise

    def work(number):
        with Client(server.address) as client:
            count_up(client, number)

    with Client(server.address) as client:
        client.Put(key=keys("n"), value=b"0")
        run_together([lambda number=number: work(number)
                      for number in range(4)])
        assert int(client.Get(key=keys("n")).entry.value) == len(wins) > 0


def test_of_racing_creators_one_wins(server, keys):
    winners = []

    def create(number):
        with Client(server.address) as client:
            for turn in range(TURNS):
                try:
                    client.Put(key=keys(turn), value=str(number).encode(),
                               precondition={"exists": False})
                    winners.append((turn, number))
                except RpcError as error:
                    if error.code() != StatusCode.ALREADY_EXISTS:
                        raise

    for turn in range(TURNS):
        keys(turn)
    run_together([lambda number=number: create(number) for number in range(4)])
    assert sorted(turn for turn, _ in winners) == list(range(TURNS))
    with Client(server.address) as client:
        for turn, number in winners:
            assert client.Get(key=keys(turn)).entry.value == (
                str(number).encode())


def test_increments_are_all_counted(server, keys):
    versions = []

    def increment():
        with Client(server.address) as client:
            for _ in range(TURNS):
                answer = client.Increment(key=keys("n"), delta=1, initial=0)
                versions.append((answer.version, answer.value))

    run_together([increment] * THREADS)
    # In the order of the commits, every value once.
    assert [value for _, value in sorted(versions)] == list(
        range(1, THREADS * TURNS + 1))


def test_movers_in_both_directions_lose_nothing(server, keys):
    def move(source, destination):
        with Client(server.address) as client:
            for _ in range(TURNS):
                try:
                    client.Move(source_key=source,
                                destination_key=destination)
                except RpcError as error:
                    if error.code() not in (StatusCode.NOT_FOUND,
                                            StatusCode.ALREADY_EXISTS):
                        raise

    def read():
        with Client(server.address) as client:
            for _ in range(TURNS):
                results = client.BatchGet(keys=[keys("a"), keys("b")],
                                          atomic=True).results
                assert [result.entry.value for result in results
                        if result.HasField("entry")] == [b"only one"]

    with Client(server.address) as client:
        client.Put(key=keys("a"), value=b"only one")
    there, back = (keys("a"), keys("b")), (keys("b"), keys("a"))
    run_together([lambda way=way: move(*way)
                  for way in (there, back, there, back)] + [read])
