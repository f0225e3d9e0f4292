"""Drops a million byte strings but one in K, and prints as JSON what that takes and leaves.

`python survivors.py K rss`: RSS in MiB before, and two seconds after the drop.
`python survivors.py K cpu`: CPU seconds of the drop and of filling the gaps at once.
"""

import json
import random
import resource
import sys
import time

COUNT = 1_000_000


def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def fill(draw, count):
    return [bytes(draw.randrange(16, 457)) for _ in range(count)]


def main(one_in, what):
    draw = random.Random(1)
    items = fill(draw, COUNT)
    before = rss()
    kept = items[::one_in]
    # The sizes are drawn beforehand, so that only the memory is timed.
    sizes = [draw.randrange(16, 457) for _ in range(COUNT)]
    if what == "rss":
        del items, sizes
        time.sleep(2)
        print(json.dumps({"before": before, "after": rss(), "kept": len(kept)}))
        return
    start = time.process_time()
    del items
    freed = time.process_time()
    items = [bytes(size) for size in sizes]
    end = time.process_time()
    print(json.dumps({"free": freed - start, "refill": end - freed, "kept": len(kept)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
