"""What the launcher gives to threads of the system: a queue that leads back to the loop."""

from __future__ import annotations

import subprocess
import sys

THINGS = 5_000
PROGRAM = f"""
from server.__main__ import GreenServer, go_green
go_green()
import eventlet
from eventlet import tpool
from eventlet.patcher import original

pause, relay, heard, others = original("time").sleep, GreenServer("127.0.0.1", 0).relay(), [], 0

def put_all():
    for n in range({THINGS}):
        relay.put(n)
        if n % 500 == 0:
            pause(0.01)
    # Where the loop stood still meanwhile, this never ends.
    while others <= 5:
        pause(0.01)
    relay.put(None)

def take_all():
    while (thing := relay.get()) is not None:
        heard.append(thing)
        if thing % 700 == 0:
            eventlet.sleep(0)

def live():
    global others
    while True:
        others += 1
        eventlet.sleep(0.001)

eventlet.spawn(live)
taking = eventlet.spawn(take_all)
tpool.execute(put_all)
taking.wait()
assert heard == list(range({THINGS})), "something was lost, or came in another order"
assert others > 5, "the loop stood still meanwhile"
print("all of it")
"""


def test_what_a_thread_of_the_system_hands_over_arrives_on_the_loop_whole_and_in_order() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout.strip()) == (0, "all of it"), found.stderr
