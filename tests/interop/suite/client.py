"""Makes the calls of a file and writes what came of them.

    client.py ADDRESS CALLS ANSWERS

Each line of CALLS has, divided by tabs: "unary" or "stream", the path of the
method, its timeout in milliseconds, 1 for gzip, after how many answers to
cancel, metadata, and the requests in hexadecimal ("-": none).  For each, a line of JSON goes
to ANSWERS: the code, the message, the answers and grpc-status-details-bin in
hexadecimal, and the names of the trailers that begin with "latchkey-".
"""

import json
import sys

import grpc


def make_call(channel, line):
    kind, method, timeout_ms, gzip, cancel_after, metadata, requests = (
        line.rstrip("\n").split("\t"))
    options = {
        "timeout": int(timeout_ms) / 1000,
        "metadata": [tuple(pair.split("=", 1))
                     for pair in metadata.split(",") if pair],
        "compression": grpc.Compression.Gzip if gzip == "1" else None,
    }
    messages = [] if requests == "-" else [
        bytes.fromhex(text) for text in requests.split(",")]
    answers = []
    if kind == "unary":
        call = channel.unary_unary(method).future(messages[0], **options)
        if call.exception(timeout=120) is None:
            answers.append(call.result())
    else:
        call = channel.stream_stream(method)(iter(messages), **options)
        try:
            for answer in call:
                answers.append(answer)
                if len(answers) == int(cancel_after):
                    call.cancel()
        except grpc.RpcError:
            pass
    trailers = dict(call.trailing_metadata() or [])
    return {
        "code": call.code().value[0], "message": call.details() or "",
        "answers": [answer.hex() for answer in answers],
        "details": trailers.get("grpc-status-details-bin", b"").hex(),
        "trailers": sorted(name for name in trailers
                           if name.startswith("latchkey-")),
    }


def main(address, calls, answers):
    channel = grpc.insecure_channel(
        address, options=[("grpc.enable_http_proxy", 0),
                          ("grpc.max_receive_message_length", -1)])
    with open(calls, encoding="ascii") as lines, open(
            answers, "w", encoding="utf-8") as out:
        for line in lines:
            print(json.dumps(make_call(channel, line)), file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
