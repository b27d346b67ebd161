"""gmsd: light groups of a host's daemon, for Python 3.11 and later.

One file, standard library only, written from docs/CLIENT_PROTOCOL.md:

    import gmsd
    with gmsd.connect("/var/lib/gmsd/clients.sock", name="shop") as port:
        port.join("orders")
        port.send("orders", b"hello")           # returns when it was delivered
        while True:
            event = port.next()                 # view, message, block, unblock, parted
            if event.kind == "message":
                print(event.group, event.payload)

One that joins with state=True gets the application's state as an event, before the
first message; one that is asked for it gives it before it calls next() again:

    if event.kind == "state" and event.state:   # None: we are the first
        with event.state as s: load(s.read())   # s.read(n) for a long one
    if event.kind == "donate":
        event.donate(b"all that came before this event")

A Port is for one thread. Calls that wait keep the events that come meanwhile;
next() gives them, oldest first. What nobody reads stops the group, and at last
the daemon cuts the port: call next() often enough.

It does not connect again by itself: a lost connection is an Error of code "lost",
and the port is then gone from all of its groups. Connect again, and join anew.
"""

import collections
import dataclasses
import io
import socket
import struct
import time

VERSION = 1
FRAME_MAX = 64 << 10
TAIL_MAX = 60 << 10
PAYLOAD_MAX = 16 << 20
GROUP_MAX, TEXT_MAX = 64, 512
FEATURE_STATE = 1
STREAM_WINDOW = 256 << 10
ORDERS = ("fifo", "agreed", "safe")
NEEDS = ("all", "majority", "first")
WHYS = ("none", "left", "crashed", "cut", "host-left", "host-crashed", "partitioned")
CODES = {
    0: "none", 1: "protocol", 2: "version", 3: "limit", 4: "credit", 5: "timeout", 6: "busy", 7: "closed", 8: "slow",
    9: "internal", 32: "group-name", 33: "name", 34: "member", 35: "not-member", 36: "full", 37: "too-long",
    38: "blocked", 39: "leaving", 40: "queue-full", 41: "canceled", 42: "lost",
    43: "no-donor", 44: "state",
}
TYPES = {
    0x01: "hello", 0x02: "welcome", 0x03: "error", 0x04: "ping", 0x05: "pong", 0x06: "credit", 0x07: "bye",
    0x10: "done", 0x11: "failed", 0x12: "receipt", 0x13: "answer", 0x14: "answer-part",
    0x20: "part", 0x21: "send", 0x22: "join", 0x23: "leave", 0x24: "ready", 0x25: "request", 0x26: "reply",
    0x27: "bind", 0x28: "cancel",
    0x40: "event-part", 0x41: "message", 0x42: "view", 0x43: "block", 0x44: "unblock", 0x45: "parted", 0x46: "sender",
    0x47: "state", 0x48: "donate", 0x49: "progress",
    0x60: "piece", 0x61: "more", 0x62: "end", 0x63: "stop", 0x64: "give",
}
NUMBERS = {name: number for number, name in TYPES.items()}
PARTS = 0x80


class Error(Exception):
    """What the daemon refused, or the end of the connection. code is from CODES."""

    def __init__(self, code, text, hint=""):
        super().__init__(f"{code}: {text}" + (f" ({hint})" if hint else ""))
        self.code = code


Process = collections.namedtuple("Process", "host incarnation")
ViewID = collections.namedtuple("ViewID", "seq coordinator incarnation")
GroupViewID = collections.namedtuple("GroupViewID", "view k side")
Member = collections.namedtuple("Member", "process port join name block")
Departure = collections.namedtuple("Departure", "member why")
View = collections.namedtuple("View", "id prev members trans joined left")
Receipt = collections.namedtuple("Receipt", "sender n view k")
Reply = collections.namedtuple("Reply", "member gone payload")


@dataclasses.dataclass
class Event:
    """kind is view, message, block, unblock, parted, state, donate or progress; the
    other fields as it needs."""

    kind: str
    group: str
    view: View = None
    payload: bytes = b""
    sender: Process = None
    port: int = 0
    n: int = 0
    k: int = 0
    order: str = ""
    transitional: bool = False
    request: int = 0
    why: str = ""
    error: Error = None
    state: "State" = None
    bytes: int = 0
    total: int = 0
    gift: "Gift" = None

    def donate(self, state, size=0):
        """Answers a donate, before the next next(): state is bytes or a binary file,
        which must not change any more. It goes out while calls of the port read."""
        self.gift.give(state, size)


# ---- values ---------------------------------------------------------------


def uvarint(n):
    """Seven bits a byte, lowest first."""
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def text(s):
    b = s.encode()
    return uvarint(len(b)) + b


def process(p):
    return bytes.fromhex(p[0]) + uvarint(p[1])


def frame(name, *values):
    """Puts a frame together: numbers become uvarints, bytes stay."""
    body = b"".join(v if isinstance(v, bytes) else uvarint(v) for v in values)
    return struct.pack(">IB", 1 + len(body), NUMBERS[name]) + body


class Body:
    """Reads values from the front of a body."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise Error("protocol", "body too short")
        self.at += n
        return self.data[self.at - n : self.at]

    def byte(self):
        return self.take(1)[0]

    def uvarint(self):
        value = shift = 0
        while True:
            b = self.byte()
            value |= (b & 0x7F) << shift
            if b < 0x80:
                return value
            shift += 7

    def text(self):
        return self.take(self.uvarint()).decode(errors="replace")

    def process(self):
        return Process(self.take(16).hex(), self.uvarint())

    def view_id(self):
        return ViewID(self.uvarint(), self.take(16).hex(), self.uvarint())

    def group_view_id(self):
        return GroupViewID(self.view_id(), self.uvarint(), self.uvarint())

    def member(self):
        who, port, join, flags = self.process(), self.uvarint(), self.uvarint(), self.byte()
        return Member(who, port, join, self.text(), bool(flags & 1)), flags

    def tail(self):
        return self.take(len(self.data) - self.at)


def decode_view(data):
    b = Body(data)
    ident, prev = b.group_view_id(), b.group_view_id()
    listed = [b.member() for _ in range(b.uvarint())]
    left = [Departure(b.member()[0], b.byte()) for _ in range(b.uvarint())]
    return View(ident, prev, [m for m, _ in listed], [m for m, f in listed if f & 2], [m for m, f in listed if f & 4], left)


def decode(name, body):
    """Gives the fields of a frame that a daemon sends."""
    b = Body(body)
    if name == "welcome":
        keys = "version features self port credit handles tokens payload"
        return {k: b.process() if k == "self" else b.uvarint() for k in keys.split()} | {"software": b.text()}
    if name == "error":
        return {"code": b.uvarint(), "text": b.text(), "hint": b.text()}
    if name in ("ping", "pong", "credit", "done", "stop"):
        return {"number": b.uvarint()}
    if name == "failed":
        return {"token": b.uvarint(), "code": b.uvarint(), "text": b.text()}
    if name == "receipt":
        return {"token": b.uvarint(), "n": b.uvarint(), "view": b.view_id(), "k": b.uvarint()}
    if name == "answer":
        flags = b.byte()
        return {"gone": bool(flags & 1), "parts": bool(flags & PARTS), "token": b.uvarint(), "from": b.member()[0], "tail": b.tail()}
    if name == "state":
        return {"handle": b.uvarint(), "number": b.uvarint(), "size": b.uvarint()}
    if name == "donate":
        return {"handle": b.uvarint(), "number": b.uvarint()}
    if name == "progress":
        return {"handle": b.uvarint(), "bytes": b.uvarint(), "total": b.uvarint()}
    if name in ("piece", "more"):
        return {"number": b.uvarint(), "bytes": b.tail() if name == "piece" else b.uvarint()}
    if name == "end":
        return {"number": b.uvarint(), "code": b.uvarint(), "text": b.text()}
    if name in ("event-part", "answer-part"):
        return {"left": b.uvarint(), "bytes": b.tail()}
    if name == "message":
        flags = b.byte()
        f = {"order": ORDERS[flags & 3], "transitional": bool(flags & 4), "parts": bool(flags & PARTS)}
        f |= {"handle": b.uvarint(), "sender": b.uvarint(), "n": b.uvarint()}
        return f | {"k": b.uvarint() if flags & 3 else 0, "request": b.uvarint() if flags & 8 else 0, "tail": b.tail()}
    if name == "view":
        return {"parts": bool(b.byte() & PARTS), "handle": b.uvarint(), "tail": b.tail()}
    if name in ("block", "unblock"):
        return {"handle": b.uvarint()}
    if name == "parted":
        return {"handle": b.uvarint(), "why": b.byte(), "code": b.uvarint(), "text": b.text()}
    if name == "sender":
        return {"index": b.uvarint(), "from": b.process(), "port": b.uvarint()}
    raise Error("protocol", f"unexpected frame {name}")


# ---- states ---------------------------------------------------------------


class State:
    """A state that comes; size is its length. The daemon holds it, and sends what is
    read. close() says that this member has it now."""

    def __init__(self, port, number, size):
        self._port, self._number, self.size = port, number, size
        self._in, self._owed, self._end, self._stopped = bytearray(), STREAM_WINDOW, None, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self, n=-1):
        """Gives n bytes, fewer only at the end; all that is left for -1."""
        out = bytearray()
        while n < 0 or len(out) < n:
            if self._stopped:
                raise ValueError("read of a state that was closed")
            if self._in:
                take = len(self._in) if n < 0 else n - len(out)
                piece = self._in[:take]
                del self._in[:take]
                out += piece
                self._owed += len(piece)
            elif self._end is None:
                if self._owed >= STREAM_WINDOW // 4:
                    self._port._write(frame("more", self._number, self._owed))
                    self._owed = 0
                self._port._step(None)
            elif self._end["code"]:
                raise Error(CODES.get(self._end["code"], "internal"), self._end["text"])
            else:
                break
        return bytes(out)

    def close(self):
        if not self._stopped:
            self._stopped = True
            self._in.clear()
            self._port._write(frame("stop", self._number))
            self._port._forget(self._number)


class Gift:
    """A state that goes."""

    def __init__(self, port, number):
        self._port, self._number, self._file, self._balance = port, number, None, 0
        self.taken = self._end = self._stopped = False

    def give(self, state, size):
        if not self.taken:
            self.taken = True
            self._file = io.BytesIO(state) if isinstance(state, (bytes, bytearray)) else state
            self._port._write(frame("give", self._number, size or (len(state) if isinstance(state, (bytes, bytearray)) else 0)))
            self.go()

    def go(self, more=0):
        """Sends as much as was asked for."""
        self._balance += more
        while self._file and self._balance > 0:
            try:
                piece = self._file.read(TAIL_MAX)
            except Exception as e:  # whatever is wrong with it, the joiner asks another
                self.end(44, f"{e}")
                return
            if not piece:
                self.end(0, "")
                return
            self._balance -= len(piece)
            self._port._write(frame("piece", self._number, piece))

    def end(self, code, why):
        self.taken = True
        if self._file:
            self._file.close()
            self._file = None
        if not self._end:
            self._end = True
            why = why.encode(errors="replace")[:TEXT_MAX]
            self._port._write(frame("end", self._number, code, uvarint(len(why)) + why))
            self._port._forget(self._number)

    def stop(self):
        self._stopped = True
        self.end(44, "no more was wanted")
        self._port._forget(self._number)


# ---- the port -------------------------------------------------------------


def connect(address, name="", credit=1 << 20, timeout=5.0):
    """Opens a port: address is a path, unix:PATH or tcp:HOST:PORT."""
    kind, _, where = address.partition(":")
    if kind == "tcp":
        host, _, port = where.rpartition(":")
        sock = socket.create_connection((host.strip("[]"), int(port)), timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(where if kind == "unix" else address)
    return Port(sock, name, credit)


class Port:
    """A program's way into light groups. Make it with connect()."""

    def __init__(self, sock, name, credit):
        self._sock, self._window, self._in = sock, credit, bytearray()
        self._events = collections.deque()
        self._words, self._answers = {}, {}  # by token
        self._handles, self._groups, self._senders = {}, {}, {}
        self._long = {"event-part": bytearray(), "answer-part": bytearray()}
        self._token, self._read, self._closed = 0, 0, False
        self._states, self._gifts, self._offered = {}, {}, None  # by number; the donate that next() gave last
        self._given_up = set()  # tokens nobody waits for any more
        self._balance = 1  # for the hello
        self._write(frame("hello", b"gmsd", VERSION, VERSION, FEATURE_STATE, credit, text(name)))
        self._balance = 0
        got, body = self._frame(None)
        if got == "error":
            self._apply(got, body)
        w = decode(got, body)
        self.process, self.port, self._balance, self.name = w["self"], w["port"], w["credit"], name
        self._handles_max, self._features = w["handles"], w["features"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def join(self, group, block=False, block_for=0.0, state=False, timeout=None):
        """Enters a group; its first view is on its way to next()."""
        if state and not self._features & FEATURE_STATE:
            raise Error("version", "the daemon is too old to carry states")
        self._call("join", group, timeout, lambda h, t: (bytes([block | state * 2]), h, t, int(block_for * 1000)))

    def leave(self, group, timeout=None):
        """Goes out of a group and returns when all agree."""
        self._call("leave", group, timeout, lambda h, t: (h, t))

    def post(self, group, payload, order="agreed"):
        """Multicasts without waiting for the delivery."""
        self._send(group, payload, order, 0)

    def send(self, group, payload, order="agreed", timeout=None):
        """Multicasts and returns a Receipt when the message was delivered here."""
        token = self._next_token()
        self._send(group, payload, order, token)
        f = self._wait(token, timeout)
        return Receipt(self.process, f["n"], f["view"], f["k"])

    def request(self, group, payload, need="all", timeout=None):
        """Asks all members and returns their Replies, in the order in which they came."""
        handle, flags, token = self._handle(group), NEEDS.index(need), self._next_token()
        self._answers[token] = []
        try:
            parts, tail = self._parts(payload)
            self._ask("request", bytes([flags | parts]), handle, token, tail)
            self._wait(token, timeout)
            return self._answers[token]
        finally:
            del self._answers[token]

    def reply(self, event, payload, timeout=None):
        """Answers a message whose request is not 0."""
        handle, sender, token = self._handle(event.group), process(event.sender), self._next_token()
        parts, tail = self._parts(payload)
        self._ask("reply", bytes([parts]), handle, token, sender, event.port, event.n, event.request, tail)
        self._wait(token, timeout)

    def ready(self, group):
        """Says that we have stopped sending to a group, as a block asked."""
        self._ask("ready", self._handle(group))

    def next(self, timeout=None):
        """Gives the oldest event, or None when the time is over."""
        if self._offered and not self._offered.taken:
            self._offered.end(44, "the program gave no state")
        self._offered = None
        until = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            self._grant(0, bool(self._read))
            if not self._step(until):
                return None
        event, cost = self._events.popleft()
        self._offered = event.gift
        self._grant(cost, False)
        return event

    def close(self):
        """Says goodbye and waits for the daemon to close."""
        if self._closed:
            return
        self._closed = True
        try:
            self._write(frame("bye"))
            self._sock.settimeout(5.0)
            while self._sock.recv(1 << 16):
                pass
        except OSError:
            pass
        self._sock.close()

    # -- frames out --

    def _next_token(self):
        self._token += 1
        return self._token

    def _write(self, data):
        try:
            self._sock.settimeout(None)
            self._sock.sendall(data)
        except OSError as e:
            self._drain(e)

    def _drain(self, e):
        """The daemon has closed: its last word says why."""
        while True:
            self._step(time.monotonic() + 1, str(e)) or self._lost(str(e))

    def _lost(self, why):
        raise Error("closed" if self._closed else "lost", why)

    def _ask(self, name, *values):
        """Writes a frame that costs credit, and reads until there is some."""
        while self._balance <= 0:
            self._step(None)
        data = frame(name, *values)
        self._balance -= len(data)
        self._write(data)

    def _call(self, name, group, timeout, values):
        handle, token = self._handle(group), self._next_token()
        self._ask(name, *values(handle, token))
        return self._wait(token, timeout)

    def _handle(self, group):
        if group not in self._handles:
            if not 0 < len(group.encode()) <= GROUP_MAX:
                raise Error("group-name", f"{group!r}", f"a group's name has 1 to {GROUP_MAX} bytes")
            if len(self._handles) >= self._handles_max:
                raise Error("full", "too many groups on one connection")
            handle = len(self._handles)
            self._ask("bind", handle, text(group))
            self._handles[group], self._groups[handle] = handle, group
        return self._handles[group]

    def _parts(self, payload):
        """Sends all of a long payload but for its last piece; that must follow, so
        nothing may fail behind this."""
        if len(payload) > PAYLOAD_MAX:
            raise Error("too-long", f"{len(payload)} bytes, at most {PAYLOAD_MAX}")
        at = 0
        while len(payload) - at > TAIL_MAX:
            at += TAIL_MAX
            self._ask("part", len(payload) - at, bytes(payload[at - TAIL_MAX : at]))
        return (PARTS if at else 0), bytes(payload[at:])

    def _send(self, group, payload, order, token):
        handle, flags = self._handle(group), ORDERS.index(order)
        parts, tail = self._parts(payload)
        self._ask("send", bytes([flags | parts]), handle, token, tail)

    def _grant(self, cost, now):
        self._read += cost
        if self._read >= self._window // 4 or now:
            self._write(frame("credit", self._read))
            self._read = 0

    # -- frames in --

    def _wait(self, token, timeout):
        until = None if timeout is None else time.monotonic() + timeout
        while token not in self._words:
            if not self._step(until):
                self._given_up.add(token)
                self._ask("cancel", token)
                raise TimeoutError(f"no word of the daemon within {timeout} s")
        f = self._words.pop(token)
        if "code" in f:
            raise Error(CODES.get(f["code"], "internal"), f["text"])
        return f

    def _step(self, until, last="the daemon has closed the connection"):
        """Reads and applies one frame; False when the time is over."""
        got = self._frame(until, last)
        if got:
            self._apply(*got)
        return bool(got)

    def _frame(self, until, last="the daemon has closed the connection"):
        while True:
            if len(self._in) >= 4:
                (n,) = struct.unpack_from(">I", self._in)
                if not 0 < n <= FRAME_MAX:
                    raise Error("protocol", f"a frame of {n} bytes")
                if len(self._in) >= 4 + n:
                    name, body = TYPES.get(self._in[4], hex(self._in[4])), bytes(self._in[5 : 4 + n])
                    del self._in[: 4 + n]
                    return name, body
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return None
            try:
                self._sock.settimeout(left)
                data = self._sock.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError as e:
                self._lost(str(e))
            if not data:
                self._lost(last)
            self._in += data

    def _whole(self, f, stream):
        """The payload of a frame, with the parts before it."""
        if not f["parts"]:
            return f["tail"]
        data = bytes(self._long[stream]) + f["tail"]
        self._long[stream].clear()
        return data

    def _forget(self, number):
        """Drops a stream of which both sides have said their last word."""
        s, g = self._states.get(number), self._gifts.get(number)
        if s and s._stopped and s._end is not None:
            del self._states[number]
        if g and g._stopped and g._end:
            del self._gifts[number]

    def _stream(self, name, f):
        n = f["number"]
        if n not in (self._states if name in ("piece", "end") else self._gifts):
            raise Error("protocol", f"{name} of a stream that is not there")
        if name == "piece" and not self._states[n]._stopped:
            self._states[n]._in += f["bytes"]
        elif name == "end":
            self._states[n]._end = f
            self._forget(n)
        elif name == "more":
            self._gifts[n].go(f["bytes"])
        elif name == "stop":
            self._gifts[n].stop()

    def _apply(self, name, body):
        f, cost = decode(name, body), len(body) + 5
        if name in ("piece", "end", "more", "stop"):
            self._stream(name, f)
        elif name == "credit":
            self._balance += f["number"]
        elif name == "ping":
            self._write(frame("pong", f["number"]))
        elif name in ("done", "failed", "receipt"):
            token = f["number"] if name == "done" else f["token"]
            if token in self._given_up:
                self._given_up.discard(token)
            else:
                self._words[token] = f
        elif name == "answer":
            payload = self._whole(f, "answer-part")
            if f["token"] in self._answers:
                self._answers[f["token"]].append(Reply(f["from"], f["gone"], payload))
        elif name == "answer-part":
            self._long[name] += f["bytes"]
        elif name == "error":
            raise Error(CODES.get(f["code"], "internal"), f["text"], f["hint"])
        elif name == "event-part":
            self._long[name] += f["bytes"]
            self._read += cost
        elif name == "sender":
            self._senders[f["index"]] = (f["from"], f["port"])
            self._read += cost
        elif name != "pong":
            self._events.append((self._event(name, f), cost))

    def _event(self, name, f):
        e = Event(name, self._groups[f["handle"]])
        if name == "message":
            e.sender, e.port = self._senders[f["sender"]]
            e.payload = self._whole(f, "event-part")
            for key in ("n", "k", "order", "transitional", "request"):
                setattr(e, key, f[key])
        elif name == "view":
            v = decode_view(self._whole(f, "event-part"))
            e.view = v._replace(left=[Departure(d.member, WHYS[d.why] if d.why < len(WHYS) else "unknown") for d in v.left])
        elif name == "state" and f["number"]:
            e.state = self._states[f["number"]] = State(self, f["number"], f["size"])
        elif name == "donate":
            e.gift = self._gifts[f["number"]] = Gift(self, f["number"])
        elif name == "progress":
            e.bytes, e.total = f["bytes"], f["total"]
        elif name == "parted":
            e.why = WHYS[f["why"]] if f["why"] < len(WHYS) else "unknown"
            e.error = Error(CODES.get(f["code"], "internal"), f["text"]) if f["code"] else None
        return e
