# SPDX-License-Identifier: GPL-3.0-only
"""A transaction of sqlite's, larger than its cache: the journal is hot while it lasts."""
import os
import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("pragma cache_size=20")
connection.execute("create table t(a integer primary key, b text)")
connection.execute("begin")
for i in range(2000):
    connection.execute("insert into t values(?,?)", (i, str(i) * 20))
    if i == 800:
        print("half", flush=True)
        while not os.path.exists("go"):
            connection.execute("select sum(length(b)) from t").fetchall()
connection.execute("commit")
print(connection.execute("select count(*), sum(length(b)) from t").fetchall())
print(connection.execute("pragma integrity_check").fetchall())
