# SPDX-License-Identifier: GPL-3.0-only
"""Some sixty MiB of objects, and a sum over them that takes a while."""
import hashlib
import time

data = [str(i) * 3 for i in range(400000)]
table = dict(enumerate(data))
digest = hashlib.sha256()
for i in range(100):
    digest.update("".join(data[i * 4000:(i + 1) * 4000]).encode() + table[i].encode())
    time.sleep(0.005)
    if i == 25:
        print("half", flush=True)
print(digest.hexdigest())
