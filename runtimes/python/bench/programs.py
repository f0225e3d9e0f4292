"""Allocation-heavy Python programs. `python programs.py NAME` runs one and prints what it computed and its peak RSS.

Each is one kind of work that real programs do, sized to about a second; standard library only.
"""

import asyncio
import copy
import io
import json
import math
import pickle
import random
import re
import sys
import tomllib
import xml.etree.ElementTree as ElementTree


def _records(count):
    return [
        {
            "id": number,
            "name": f"record {number}",
            "tags": [f"tag{number % 7}", f"group{number % 13}"],
            "place": {"x": number * 0.5, "y": -number, "inner": {"deep": [number, None, True]}},
        }
        for number in range(count)
    ]


def json_dumps():
    records = _records(4000)
    return sum(len(json.dumps(records, indent=indent)) for indent in (None, 1) * 8)


def json_loads():
    text = json.dumps(_records(6000))
    return sum(len(json.loads(text)) for _ in range(45))


def pickle_dumps():
    records = _records(6000)
    return sum(len(pickle.dumps(records, protocol)) for protocol in (2, 4, 5) * 18)


def pickle_loads():
    data = pickle.dumps(_records(6000))
    return sum(len(pickle.loads(data)) for _ in range(55))


def regex_compile():
    """Compiles without the cache of `re`, as a program does at its start with many patterns."""
    words = [f"word{number}" for number in range(40)]
    groups = 0
    for round in range(150):
        re.purge()
        for start in range(0, 40, 4):
            part = "|".join(words[start : start + 4])
            groups += re.compile(rf"(?P<a>{part})+\s*(?:[{round % 10}-9a-f]{{2,5}}|(\w+)@(\w+))(?=x{round})?").groups
    return groups


def deepcopy():
    records = _records(1200)
    return sum(len(copy.deepcopy(records)) for _ in range(36))


def async_tree():
    """Trees of tasks that await one another."""

    async def node(depth):
        if depth == 0:
            await asyncio.sleep(0)
            return 1
        return sum(await asyncio.gather(*(node(depth - 1) for _ in range(6))))

    return sum(asyncio.run(node(5)) for _ in range(8))


class _Vector:
    __slots__ = ("x", "y", "z")

    def __init__(self, x, y, z):
        self.x, self.y, self.z = x, y, z

    def __add__(self, other):
        return _Vector(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other):
        return _Vector(self.x - other.x, self.y - other.y, self.z - other.z)

    def scaled(self, factor):
        return _Vector(self.x * factor, self.y * factor, self.z * factor)

    def dot(self, other):
        return self.x * other.x + self.y * other.y + self.z * other.z

    def unit(self):
        return self.scaled(1 / math.sqrt(self.dot(self)))


def ray_tracer():
    """Spheres, lit from one side: short-lived small objects and floats."""
    spheres = [(_Vector(x - 2, y - 2, 6 + (x * y) % 3), 0.6) for x in range(5) for y in range(5)]
    eye, light = _Vector(0, 0, -3), _Vector(1, 1, -1).unit()
    size, hits, brightness = 130, 0, 0.0
    for row in range(size):
        for column in range(size):
            ray = (_Vector(column * 5 / size - 2.5, row * 5 / size - 2.5, 4) - eye).unit()
            nearest, normal = math.inf, None
            for center, radius in spheres:
                to_center = center - eye
                along = to_center.dot(ray)
                off = to_center - ray.scaled(along)
                inside = radius * radius - off.dot(off)
                if inside > 0 and along - math.sqrt(inside) < nearest:
                    nearest = along - math.sqrt(inside)
                    normal = (eye + ray.scaled(nearest) - center).unit()
            if normal is not None:
                hits += 1
                brightness += max(0.0, normal.dot(light))
    return hits, round(brightness, 6)


def strings():
    """Text cut, joined and changed."""
    total = 0
    for round in range(36):
        words = [f"{number:x}-{'ab' * (number % 23)}" for number in range(20000)]
        text = " ".join(words)
        upper = [word.upper().replace("AB", "c") for word in text.split()]
        total += len("\n".join(reversed(upper))) + sum(map(len, {word[:6] for word in upper})) + round
    return total


def dict_churn():
    """A cache whose keys come and go."""
    draw = random.Random(1)
    cache, dropped = {}, 0
    for step in range(900_000):
        key = f"key{draw.randrange(60_000)}"
        if cache.pop(key, None) is None:
            cache[key] = (step, [step])
        else:
            dropped += 1
    return len(cache), dropped


def xml():
    root = ElementTree.Element("records")
    for record in _records(4000):
        item = ElementTree.SubElement(root, "record", id=str(record["id"]))
        ElementTree.SubElement(item, "name").text = record["name"]
        for tag in record["tags"]:
            ElementTree.SubElement(item, "tag").text = tag
    text = ElementTree.tostring(root)
    total = 0
    for _ in range(25):
        for _, element in ElementTree.iterparse(io.BytesIO(text)):
            total += len(element.text or "")
        total += len(ElementTree.fromstring(text).findall("record/tag"))
    return total


def toml():
    lines = []
    for record in _records(1500):
        lines += [f"[table{record['id']}]", f'name = "{record["name"]}"', f"tags = {json.dumps(record['tags'])}"]
        lines += [f"x = {record['place']['x']}", "when = 2024-01-02T03:04:05", "[[list]]", "a.b.c = 1"]
    text = "\n".join(lines)
    return sum(len(tomllib.loads(text)) for _ in range(9))


def generators():
    """A tree walked by nested generators."""

    def build(depth):
        return None if depth == 0 else (build(depth - 1), depth, build(depth - 1))

    def walk(tree):
        if tree is not None:
            yield from walk(tree[0])
            yield tree[1]
            yield from walk(tree[2])

    tree = build(14)
    return sum(sum(walk(tree)) for _ in range(50))


class _Account:
    def __init__(self, number):
        self.number, self.history, self.peers = number, [], []


def objects():
    """A graph of instances with cycles, for the collector."""
    total = 0
    for _ in range(6):
        accounts = [_Account(number) for number in range(40_000)]
        for account in accounts:
            account.peers = [accounts[(account.number * step) % 40_000] for step in (3, 7, 11)]
            account.history.append({"amount": account.number * 1.5, "by": account})
        total += sum(len(peer.history) for account in accounts for peer in account.peers)
    return total


PROGRAMS = {
    function.__name__: function
    for function in (
        json_dumps, json_loads, pickle_dumps, pickle_loads, regex_compile, deepcopy, async_tree, ray_tracer,
        strings, dict_churn, xml, toml, generators, objects,
    )
}


def peak_rss():
    """The peak RSS of this program in KiB. That of `getrusage` may be its parent's."""
    with open("/proc/self/status") as file:
        return int(re.search(r"^VmHWM:\s*(\d+) kB", file.read(), re.MULTILINE)[1])


if __name__ == "__main__":
    print(json.dumps({"result": PROGRAMS[sys.argv[1]](), "peak_rss": peak_rss()}))
