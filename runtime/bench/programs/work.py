# Text, JSON, objects, dictionaries, big numbers and regular expressions, as scripts use them.
import collections
import json
import re


class Node:
    def __init__(self, depth):
        self.children = [Node(depth - 1), Node(depth - 1)] if depth else []
        self.label = "node at %d" % depth

    def count(self):
        return 1 + sum(child.count() for child in self.children)


words = [str(i * 7919 % 10007) + "-" + "abcdefgh"[i % 8] * (i % 23) for i in range(80000)]
counts = collections.Counter(words)
print(sorted(counts.items())[:200])
table = [{"id": i, "name": word, "tags": word.split("-"), "value": i * 0.25} for i, word in enumerate(words[:40000])]
text = json.dumps(table)
back = json.loads(text)
print(len(text), back == table, back[777])
print(sum(Node(13).count() for _ in range(4)))
lines = "\n".join(words)
print(len(re.sub(r"([0-9]+)-([a-c]*)", r"\2:\1", lines)), len(re.findall(r"\b\d{4}-d+", lines)))
groups = collections.defaultdict(list)
for word in words:
    groups[len(word)].append(word.upper())
print({length: len(set(group)) for length, group in sorted(groups.items())})
print(sum(int(str(3**k)[-5:]) for k in range(2000)), len(bytes(range(256)) * 20000))
