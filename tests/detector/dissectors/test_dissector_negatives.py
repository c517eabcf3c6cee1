"""What is not mining: JSON and text that look like it.

JSON-RPC over TCP is what other detectors call mining (nDPI issue 2216).
"""

from __future__ import annotations

import json

import pytest

from tests.detector.dissectors.dialogue import Piece, facts_of, miner, pool

PROSE = (
    'To start, send {"id": 1, "method": "mining.subscribe", "params": []} and wait for mining.notify.\n'
    '<pre>\n{"id": 1, "method": "mining.subscribe", "params": []}\n</pre> then eth_submitWork\n'
)


def language_server(value: object) -> bytes:
    body = json.dumps(value)
    return f"Content-Length: {len(body)}\r\n\r\n{body}".encode()


def web(value: object) -> bytes:
    body = json.dumps(value)
    return f"POST / HTTP/1.1\r\nHost: node\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def page(body: str, kind: str = "text/html") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def web_answer(value: object) -> bytes:
    return page(json.dumps(value), "application/json")


def framed(value: object) -> bytes:
    """As a WebSocket message of a server."""
    body = json.dumps(value).encode()
    return b"\x81" + bytes([len(body)]) + body


HASH = "0x" + "ab" * 32
DIALOGUES = {
    "language server": [
        *miner(language_server({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}})),
        *pool(language_server({"jsonrpc": "2.0", "id": 1, "result": {"name": "ls"}})),
        *miner(language_server({"method": "textDocument/didOpen", "params": {"text": PROSE}})),
    ],
    "electrum": [
        *miner({"id": 0, "method": "server.version", "params": ["electrum/4.5", "1.4"]}),
        *pool({"jsonrpc": "2.0", "result": ["ElectrumX 1.16", "1.4"], "id": 0}),
        *miner({"id": 1, "method": "blockchain.headers.subscribe", "params": []}),
        *pool({"jsonrpc": "2.0", "result": {"hex": "00" * 80, "height": 880000}, "id": 1}),
        *pool({"jsonrpc": "2.0", "method": "blockchain.headers.subscribe", "params": [{"hex": "00" * 80}]}),
    ],
    "web3 over http": [
        *miner(web({"jsonrpc": "2.0", "method": "eth_blockNumber", "params": [], "id": 83})),
        *pool(web_answer({"jsonrpc": "2.0", "id": 83, "result": "0x4b7"})),
        *miner(web({"jsonrpc": "2.0", "method": "eth_getFilterChanges", "params": ["0x1"], "id": 84})),
        *pool(web_answer({"jsonrpc": "2.0", "id": 84, "result": [HASH, HASH, HASH]})),
        *miner(web([{"jsonrpc": "2.0", "method": "eth_call", "params": [{}, "latest"], "id": 1}] * 3)),
    ],
    "web3 over tcp": [
        *miner({"jsonrpc": "2.0", "method": "eth_subscribe", "params": ["newHeads"], "id": 1}),
        *pool({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"result": {}}}),
    ],
    "bitcoin wallet": [
        *miner(web({"method": "getblockchaininfo", "params": [], "id": 1})),
        *pool(web_answer({"result": {"blocks": 880000, "bits": "17034219"}, "error": None, "id": 1})),
        *miner(web({"method": "getmininginfo", "params": [], "id": 2})),
        *pool(web_answer({"result": {"difficulty": 1e14, "networkhashps": 1e20}, "id": 2})),
        *miner(web({"method": "getblock", "params": ["00" * 32], "id": 3})),
        *pool(web_answer({"result": {"previousblockhash": "00" * 32, "bits": "17034219"}, "id": 3})),
    ],
    "a service with a login": [
        *miner({"id": 1, "method": "login", "params": {"login": "bob", "pass": "x", "agent": "app/1.0"}}),
        *pool({"id": 1, "result": {"id": "5", "status": "OK"}, "error": None}),
        *miner({"id": 2, "method": "keepalived", "params": {"id": "5"}}),
        *miner({"id": 3, "method": "submit", "params": {"id": "5", "job_id": "print", "result": "done"}}),
        *pool({"id": 3, "result": {"status": "OK"}, "error": None}),
        *pool({"method": "job", "params": {"job_id": "print", "target": "lp0"}}),
    ],
    "a hub": [
        *miner(web({"devicetype": "hub#phone", "method": "POST", "address": "/api"})),
        *pool(web_answer([{"success": {"username": "abcdef"}}])),
        *miner({"method": "getPilot", "params": {}}),
        *miner({"method": "client.get_version", "params": []}),
    ],
    "a mail that quotes": [
        *pool(b"220 mail.example ESMTP\r\n"),
        *miner(b"EHLO me\r\n", b"MAIL FROM:<a@b>\r\n", b"DATA\r\n", PROSE.encode()),
    ],
    "irc": [
        *miner(b"NICK bob\r\n", b"USER bob 0 * :bob\r\n"),
        *miner(
            b'PRIVMSG #p :{"id":1,"method":"mining.subscribe","params":[]}\r\n{"method":"mining.submit"}\r\n'
        ),
    ],
    "a page about mining": [
        *miner(b"GET /stratum HTTP/1.1\r\nHost: wiki\r\n\r\n"),
        *pool(page("<html>" + PROSE)),
        *pool(page(PROSE, "text/plain")),
        *pool(web_answer({"id": 1, "method": "mining.subscribe", "params": []})),
        *pool(web_answer({"id": 1, "method": "getblocktemplate", "params": []})),
    ],
    "chat in json": [
        *miner({"type": "message", "text": PROSE}, {"type": "message", "text": "mining.subscribe"}),
        *pool({"type": "message", "params": ["mining.notify"], "method": "say mining.notify"}),
    ],
    "json-rpc over a websocket": [
        *miner(b"GET /ws HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AA==\r\n\r\n"),
        *pool(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
        *pool(framed({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"result": {}}})),
        *pool(framed({"jsonrpc": "2.0", "id": 1, "result": {"job": {"id": 5}, "status": "OK"}})),
    ],
    "mqtt": [
        *miner(b"\x10\x13\0\4MQTT\4\2\0\x3c\0\7mining."),
        *pool(b"\x20\2\0\0"),
        *miner(b'\x30\x2c\0\7a/state{"method":"job","job_id":"5","status":1}'),
    ],
    "a queue of jobs": [
        *miner({"method": "login", "params": {"login": "bob", "pass": "x"}}),
        *pool({"method": "job", "params": {"job_id": 5, "height": 100, "pre_pow": "no", "difficulty": 1}}),
        *miner({"method": "submit", "params": {"job_id": 5, "nonce": 7, "pow": [1, 2, 3], "height": 100}}),
        *pool({"method": "result", "id": "5", "code": 1, "description": "accepted"}),
        *miner({"method": "solution", "id": "5", "nonce": "0bb11009afc29dbe", "output": "42"}),
        *miner({"method": "getjobtemplate"}, {"method": "keepalive"}, {"method": "status"}),
    ],
    "a bitcoin node's peers": [
        *miner(b"\xf9\xbe\xb4\xd9version\0\0\0\0\0\x64\0\0\0abcd" + bytes(100)),
        *pool(b"\xf9\xbe\xb4\xd9verack\0\0\0\0\0\0\0\0\0\0abcd"),
    ],
    "levin": [*miner(b"\1\x21\1\1\1\1\1\1" + bytes(100)), *pool(b"\1\x21\1\1\1\1\1\1" + bytes(60))],
    "zeros": [Piece(a, bytes(n)) for a, n in ((True, 40), (False, 6), (True, 200), (False, 90))],
    "small numbers": [
        Piece(a, b"\0\0\1\6\0\0" + b"\2\0\0\0\0\0" + b"\0\0\x10\0\0\0") for a in (True, False) * 4
    ],
    "a printer's queue": [*miner(b"JOB,1,2\n"), *pool(b"GOOD\n"), *miner(b"STATUS=SENT\n"), *pool(b"BAD\n")],
    "log lines": [Piece(True, b'[12:00] INFO {"method":"mining.submit","params":["x"]}\n' * 5)],
    "answers alone": pool({"id": 4, "result": True, "error": None}, {"id": 5, "result": {"status": "OK"}}),
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_no_facts(name: str) -> None:
    assert facts_of(DIALOGUES[name]) is None
    assert facts_of([piece for piece in DIALOGUES[name] if piece.from_a]) is None
    assert facts_of([piece for piece in DIALOGUES[name] if not piece.from_a]) is None
