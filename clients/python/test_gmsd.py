"""Tests of gmsd.py: the vectors of the document, and, where a daemon is given
in GMSD_TEST_SOCKET, a talk with another member (go test ./internal/clients gives
both)."""

import json
import os
import pathlib
import unittest

import gmsd

VECTORS = pathlib.Path(__file__).parents[2] / "internal/clientwire/testdata/vectors.txt"
ENCODERS = {
    "hello": lambda f: (b"gmsd", f["low"], f["high"], f["features"], f["credit"], gmsd.text(f["name"])),
    "ping": lambda f: (f["number"],),
    "pong": lambda f: (f["number"],),
    "credit": lambda f: (f["number"],),
    "cancel": lambda f: (f["number"],),
    "bye": lambda f: (),
    "bind": lambda f: (f["handle"], gmsd.text(f["group"])),
    "part": lambda f: (f["left"], f["bytes"].encode()),
    "send": lambda f: (bytes([gmsd.ORDERS.index(f["order"]) | f["parts"] * gmsd.PARTS]), f["handle"], f["token"], f["tail"].encode()),
    "join": lambda f: (bytes([f["block"] | f["state"] * 2]), f["handle"], f["token"], f["block_for"]),
    "leave": lambda f: (f["handle"], f["token"]),
    "ready": lambda f: (f["handle"],),
    "piece": lambda f: (f["number"], f["bytes"].encode()),
    "more": lambda f: (f["number"], f["bytes"]),
    "end": lambda f: (f["number"], f["code"], gmsd.text(f["text"])),
    "stop": lambda f: (f["number"],),
    "give": lambda f: (f["number"], f["size"]),
    "request": lambda f: (bytes([f["need"] | f["parts"] * gmsd.PARTS]), f["handle"], f["token"], f["tail"].encode()),
    "reply": lambda f: (bytes([f["parts"] * gmsd.PARTS]), f["handle"], f["token"], gmsd.process(f["from"]), f["port"], f["n"],
                        f["request"], f["tail"].encode()),
}


def plain(value):
    """Makes of named tuples and bytes what JSON has."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (gmsd.Member, gmsd.Departure)):
        return {k: plain(v) for k, v in value._asdict().items()}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


class Vectors(unittest.TestCase):
    def test_all(self):
        decoded = encoded = 0
        for line in VECTORS.read_text().splitlines():
            label, data, fields = line.split(" ", 2)
            data, fields = bytes.fromhex(data), json.loads(fields)
            name = gmsd.TYPES[data[4]]
            with self.subTest(label):
                self.assertEqual(int.from_bytes(data[:4], "big"), len(data) - 4)
                if name in ENCODERS:
                    self.assertEqual(gmsd.frame(name, *ENCODERS[name](fields)), data)
                    encoded += 1
                if name not in ENCODERS or name in ("ping", "pong", "credit", "piece", "more", "end", "stop"):
                    got = gmsd.decode(name, data[5:])
                    if name == "view":
                        view = gmsd.decode_view(got.pop("tail"))
                        got |= view._asdict()
                    self.assertEqual(plain(got), fields)
                    decoded += 1
        self.assertGreater(decoded, 25)
        self.assertGreater(encoded, 20)

    def test_short(self):
        with self.assertRaises(gmsd.Error):
            gmsd.decode("receipt", b"\x05\x01")


class Broken:
    def read(self, n):
        raise OSError("bad sector " * 100)  # longer than a text may be

    def close(self):
        pass


@unittest.skipUnless(os.environ.get("GMSD_TEST_SOCKET"), "go test ./internal/clients gives the daemon")
class Talk(unittest.TestCase):
    """The other member, in Go, echoes what is said in "chat", and answers requests."""

    def setUp(self):
        self.port = gmsd.connect(os.environ["GMSD_TEST_SOCKET"], name="python")
        self.addCleanup(self.port.close)

    def until(self, kind, group="chat", **want):
        while True:
            event = self.port.next(timeout=30)
            self.assertIsNotNone(event, f"no {kind} came")
            if event.kind == kind and event.group == group and all(getattr(event, k) == v for k, v in want.items()):
                return event

    def test_chat(self):
        self.port.join("chat", timeout=30)
        view = self.until("view").view
        self.assertEqual([m.name for m in view.members], ["go", "python"])
        self.assertEqual([m.port for m in view.trans], [self.port.port])
        for order in gmsd.ORDERS:
            said = f"hello, {order}".encode()
            receipt = self.port.send("chat", said, order, timeout=30)
            mine = self.until("message", payload=said)
            self.assertEqual((receipt.n, receipt.k, mine.order), (mine.n, mine.k, order))
            echo = self.until("message", payload=b"go: " + said)
            self.assertNotEqual((echo.sender, echo.port), (mine.sender, mine.port))
        self.port.leave("chat", timeout=30)
        self.assertEqual(self.until("parted").why, "left")

    def test_long(self):
        self.port.join("chat")
        said = bytes(range(256)) * 20000
        self.port.post("chat", said, "fifo")
        self.port.post("chat", b"behind", "fifo")
        self.assertEqual(self.until("message").payload, said)
        self.until("message", payload=b"go: behind")

    def test_many(self):
        self.port.join("numbers")
        for i in range(20000):
            self.port.post("numbers", b"%d" % i, "agreed")
        for i in range(20000):
            self.assertEqual(self.until("message", "numbers").payload, b"%d" % i)

    def test_request(self):
        self.port.join("chat")
        other = gmsd.connect(os.environ["GMSD_TEST_SOCKET"], name="second")
        other.join("chat")
        replies = self.port.request("chat", b"who?", need="first", timeout=30)
        self.assertEqual([(r.member.name, r.gone, r.payload) for r in replies], [("go", False, b"go: who?")])
        question = self.until("message", payload=b"who?")
        self.port.reply(question, b"late", timeout=30)
        with self.assertRaises(TimeoutError):
            self.port.request("chat", b"all?", need="all", timeout=0.05)
        other.close()

    def test_block(self):
        self.port.join("chat", block=True, block_for=30)
        with gmsd.connect(os.environ["GMSD_TEST_SOCKET"], name="third") as other:
            other.post("chat", b"from outside")
            self.until("message", payload=b"from outside")
            with self.assertRaises(TimeoutError):
                other.join("chat", timeout=0.05)
            self.until("block")
            self.port.ready("chat")
            self.until("view")

    def test_state(self):
        mine = bytes(range(256)) * 10000
        self.port.join("state", state=True)
        self.assertIsNone(self.until("state", "state").state)
        with gmsd.connect(os.environ["GMSD_TEST_SOCKET"], name="joiner") as other:
            self.port.post("state", b"before")
            self.until("message", "state")
            other.join("state", state=True)
            self.until("donate", "state").donate(mine)
            self.port.post("state", b"behind")
            state = None
            while state is None:
                self.port.next(timeout=0.01)  # its calls send the state
                event = other.next(timeout=0.01)
                if event:
                    self.assertIn(event.kind, ("view", "progress", "state"))
                    state = event.state
            with state:
                self.assertEqual(state.size, len(mine))
                self.assertEqual(state.read(1000) + state.read(), mine)
            event = other.next(timeout=30)
            self.assertEqual((event.kind, event.payload), ("message", b"behind"))
            with self.assertRaises(ValueError):
                state.read(1)
        # One that gives nothing, and one whose file fails: the joiner is out.
        for answer in (lambda e: None, lambda e: e.donate(Broken())):
            with gmsd.connect(os.environ["GMSD_TEST_SOCKET"], name="unlucky") as other:
                other.join("state", state=True)
                answer(self.until("donate", "state"))
                event = None
                while event is None or event.kind != "parted":
                    self.port.next(timeout=0.01)
                    event = other.next(timeout=0.01)
                self.assertEqual(event.error.code, "no-donor")
        self.assertEqual((len(self.port._gifts), len(other._states)), (0, 0))

    def test_errors(self):
        with self.assertRaises(gmsd.Error) as e:
            self.port.leave("elsewhere")
        self.assertEqual(e.exception.code, "not-member")
        with self.assertRaises(gmsd.Error) as e:
            self.port.send("chat", bytes(gmsd.PAYLOAD_MAX + 1))
        self.assertEqual(e.exception.code, "too-long")
        for group in ("", "x" * 65):
            with self.assertRaises(gmsd.Error) as e:
                self.port.post(group, b"")
            self.assertEqual(e.exception.code, "group-name")
        # What is wrong with a call is found before any of a long payload went out.
        long = bytes(2 * gmsd.TAIL_MAX)
        with self.assertRaises(ValueError):
            self.port.send("chat", long, "no order")
        with self.assertRaises(ValueError):
            self.port.request("chat", long, "no need")
        self.port.send("chat", long, timeout=30)
        with self.assertRaises(gmsd.Error) as e:
            gmsd.connect(os.environ["GMSD_TEST_SOCKET"], name="x" * 33)
        self.assertEqual(e.exception.code, "protocol")


if __name__ == "__main__":
    unittest.main()
