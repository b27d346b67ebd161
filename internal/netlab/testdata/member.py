"""A member of a light group, in Python: it posts every few milliseconds and
prints what it is given, one JSON object a line. A line on stdin ends the
posting with a mark.

    python3 member.py CLIENT_FOLDER SOCKET GROUP
"""

import json
import select
import sys

sys.path.insert(0, sys.argv[1])
import gmsd  # noqa: E402

ORDERS = ("fifo", "agreed", "safe")


def view_id(v):
    return f"{v.view.seq}/{v.view.coordinator}/{v.k}/{v.side}"


def say(**line):
    print(json.dumps(line), flush=True)


def show(e):
    if e.kind == "view":
        say(kind="view", id=view_id(e.view.id), prev=view_id(e.view.prev) if e.view.prev.view.seq else "", size=len(e.view.members))
    elif e.kind == "message":
        say(kind="message", id=f"{e.sender.host}/{e.sender.incarnation}/{e.n}", order=e.order, k=e.k, text=e.payload.decode())
    else:
        say(kind=e.kind)


def main():
    group = sys.argv[3]
    with gmsd.connect(sys.argv[2], "python") as port:
        port.join(group, timeout=30)
        posted, ending = 0, False
        while True:
            e = port.next(timeout=0.005)
            while e is not None:
                show(e)
                e = port.next(timeout=0)
            if not ending and select.select([sys.stdin], [], [], 0)[0]:
                ending = True
                for order in ORDERS:
                    port.post(group, b"end", order)
            elif not ending:
                port.post(group, f"python {posted}".encode(), ORDERS[posted % 3])
                posted += 1


try:
    main()
except (gmsd.Error, KeyboardInterrupt, BrokenPipeError) as e:
    say(kind="lost", text=str(e))
