"""Messages as TorchServe's frontend writes them, through a real socket."""

import socket
import struct
import threading

import pytest
from ts.protocol import otf_message_handler

from sentiment.protocol.bodies import MAX_FIELDS, TOO_MANY_FIELDS
from sentiment.worker.socket_reader import PIECE, Received, receive_in_pieces

END = struct.pack("!i", -1)


def field(value):
    return struct.pack("!i", len(value)) + value


def request(number, text):
    headers = [(b"Host", b"127.0.0.1"), (b"Content-Type", b"application/json"), (b"X-Empty", b"")]
    told = b"".join(field(name) + field(value) for name, value in headers)
    return field(str(number).encode()) + told + END + field(b"body") + field(b"text/plain") + field(text) + END


def message(*texts):
    return b"I" + b"".join(request(number, text) for number, text in enumerate(texts)) + END


class Slow:
    """A connection that hands over a few bytes at a time."""

    def __init__(self, connection, most):
        self.connection, self.most = connection, most

    def recv(self, length):
        return self.connection.recv(min(length, self.most))


def received(monkeypatch, *messages, read, request=otf_message_handler._retrieve_request, most=PIECE):
    monkeypatch.setattr(otf_message_handler, "_retrieve_buffer", read)
    monkeypatch.setattr(otf_message_handler, "_retrieve_request", request)
    here, there = socket.socketpair()
    sender = threading.Thread(target=here.sendall, args=(b"".join(messages),))
    sender.start()
    with here, there:
        found = [otf_message_handler.retrieve_msg(Slow(there, most)) for _ in messages]
        sender.join()
    return found


@pytest.mark.parametrize("most", [1, 7, PIECE])
def test_messages_are_those_that_torchserve_reads(monkeypatch, most):
    sent = [message(b"good film", "schön".encode(), b""), message(b"bad meal")]
    plain = received(monkeypatch, *sent, read=otf_message_handler._retrieve_buffer)
    assert received(monkeypatch, *sent, read=Received().read, most=most) == plain
    assert [row["parameters"][0]["value"] for row in plain[0][1]] == ["good film", "schön", ""]


@pytest.mark.parametrize("most", [1, 7, PIECE])
def test_inputs_stay_bytes(monkeypatch, most):
    monkeypatch.setenv("TS_DECODE_INPUT_REQUEST", "false")  # then TorchServe leaves them so
    sent = [message(b"good film", b"caf\xe9", b""), message(b"bad meal")]
    plain = received(monkeypatch, *sent, read=otf_message_handler._retrieve_buffer)
    whole = Received()
    assert received(monkeypatch, *sent, read=whole.read, request=whole.request, most=most) == plain


@pytest.mark.parametrize("most", [1, 7, PIECE])
@pytest.mark.parametrize("count", [MAX_FIELDS, MAX_FIELDS + 1, 5_000])
def test_of_a_form_some_fields_are_kept_and_the_next_request_is_whole(monkeypatch, count, most):
    fields = b"".join(field(b"a%d" % (i % 100)) + field(b"") + field(b"x" * (i % 3)) for i in range(count))
    form = field(b"0") + END + fields + END
    whole = Received()
    sent = b"I" + form + request(1, b"good film") + END
    [(_, [got, after])] = received(monkeypatch, sent, read=whole.read, request=whole.request, most=most)
    names = [one["name"] for one in got["parameters"]]
    assert names[:MAX_FIELDS] == [f"a{i}" for i in range(MAX_FIELDS)]
    assert names[MAX_FIELDS:] == ([] if count == MAX_FIELDS else [TOO_MANY_FIELDS])
    assert after["parameters"][0]["value"] == b"good film"


def test_a_text_of_many_pieces_arrives_whole(monkeypatch):
    text = bytes(range(97, 122)) * (PIECE // 5)
    [(_, [row])] = received(monkeypatch, message(text), read=Received().read)
    assert row["parameters"][0]["value"] == text.decode()


def test_few_calls_are_made():
    calls = []

    class Counting:
        def recv(self, length):
            calls.append(length)
            return message(b"good film")[: len(calls) * PIECE]

    read = Received().read
    assert b"".join(read(Counting(), 1) for _ in range(len(message(b"good film")))) == message(b"good film")
    assert calls == [PIECE]


def test_a_worker_whose_server_is_gone_ends(monkeypatch):
    here, there = socket.socketpair()
    here.close()
    with there, pytest.raises(SystemExit) as ended:
        Received().read(there, 1)
    assert ended.value.code == 0


def test_torchserve_reads_with_it(monkeypatch):
    monkeypatch.setattr(otf_message_handler, "_retrieve_buffer", otf_message_handler._retrieve_buffer)
    monkeypatch.setattr(otf_message_handler, "_retrieve_request", otf_message_handler._retrieve_request)
    receive_in_pieces()
    assert isinstance(otf_message_handler._retrieve_buffer.__self__, Received)
