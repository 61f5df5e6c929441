# SPDX-License-Identifier: GPL-3.0-only
"""Some sixty MiB of objects (or as many times that as the argument says), and a sum over them."""
import hashlib
import os
import sys

data = [str(i) * 3 for i in range(int(sys.argv[1]) * 400000 if len(sys.argv) > 1 else 400000)]
table = dict(enumerate(data))
print("half", flush=True)
digest = hashlib.sha256()
rounds = 0
while rounds == 0 or not os.path.exists("go"):
    digest = hashlib.sha256()
    for start in range(0, len(data), 4000):
        digest.update("".join(data[start:start + 4000]).encode() + table[start].encode())
    rounds += 1
print(digest.hexdigest(), len(table))
