# SPDX-License-Identifier: GPL-3.0-only
"""What is run natively and under xv: programs of our own, language runtimes, servers, stressors."""

import dataclasses
import os
import typing

from Support import paths

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "programs")
HEADERS = os.path.join(paths.ROOT, "Tests", "Guest", "Programs")
PYTHON = "/usr/bin/python3"


@dataclasses.dataclass
class Case:
    """One command. `command` may be a function that compiles first and returns the words."""

    name: str
    command: list | typing.Callable
    stdin: bytes = b""
    # Seconds it may take under xv.
    limit: int = 60
    # Only with --all: slow, or of the packages that `scripts/install torture` installs.
    long: bool = False
    status: int = 0
    # Original code is not executable: what reaches it is a bug of xv. JITs read their own mappings.
    guard: bool = True
    # The command is a script that is given what runs the program as its arguments.
    wraps: bool = False
    # Standard output must be the same; stressors print what they measured.
    compares: bool = True
    # Files that it makes, which must be the same.
    products: list = dataclasses.field(default_factory=list)
    # Sources and other files that it finds in its directory.
    files: list = dataclasses.field(default_factory=list)
    # How seldom --torture has to strike at least, for the case to end within its limit.
    seldom: int = 2000
    environment: dict = dataclasses.field(default_factory=dict)
    # A file with the outcome of each test inside; one that fails natively does not count.
    outcomes: str = ""

    def words(self):
        return self.command() if callable(self.command) else self.command


def own(source, *flags, seldom=10, **options):
    """A program of our own in C or C++."""
    def build():
        # A library of its own beside it, which loading.c copies.
        paths.compiled(PROGRAMS, "plugin.c", ["-O1", "-shared", "-fPIC"], name="plugin.so")
        return [paths.compiled(PROGRAMS, source, ["-g", "-O1", "-Wall", "-Wextra", f"-I{HEADERS}", "-pthread", *flags],
                               name="torture-" + source.replace(".", "-"))]
    return Case(source, build, seldom=seldom, **options)


def built(name, source, flags=(), **options):
    return Case(name, lambda: [paths.compiled(PROGRAMS, source, flags, name="torture-" + source.replace(".", "-"))],
                long=True, **options)


def java(name, *flags, **options):
    def build():
        return ["/usr/bin/java", *flags, "-cp", paths.compiled(PROGRAMS, "Workers.java", (), name="torture-java"), "Workers"]
    return Case(name, build, long=True, guard=False, limit=120, **options)


def program(name):
    return os.path.join(PROGRAMS, name)


def script(name, title=None, **options):
    return Case(title or name, [os.path.join(HERE, "scripts", name)], wraps=True, **options)


def stress(stressor, *options, operations=1000, instances=2, limit=120):
    """A stressor of stress-ng that checks itself; its own clock is only a second net."""
    return Case(f"stress-ng --{stressor}",
                ["/usr/bin/stress-ng", f"--{stressor}", str(instances), f"--{stressor}-ops", str(operations), *options,
                 "--verify", "--no-rand-seed", "-t", "60"], long=True, limit=limit, compares=False)


def cpython(module, limit=300, **options):
    return Case(f"cpython {module}",
                [PYTHON, "-m", "test", "--junit-xml", "outcomes.xml", "--timeout", str(limit - 20), module],
                long=True, limit=limit, guard=False, compares=False, outcomes="outcomes.xml", **options)


SQL = """
create table t(id integer primary key, a integer, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 120000)
insert into t select i, (i * 7919) % 100003, 'row ' || (i % 977), i / 7.0 from n;
create index ta on t(a); create index tb on t(b, a);
select count(*), sum(a), max(b), round(avg(c), 6) from t;
select b, count(*), sum(a) from t group by b having count(*) > 122 order by 3 desc limit 10;
select x.id, y.id from t x join t y on x.a = y.a + 1 and x.b < y.b order by 1, 2 limit 20;
select id, a, rank() over (partition by b order by a), sum(a) over (order by id rows 5 preceding)
  from t where id % 9973 = 0 order by id;
update t set b = upper(b) || a where a % 3 = 0;
delete from t where a between 1000 and 20000;
select count(*), count(distinct b), group_concat(id, '') from (select * from t order by a limit 30);
with recursive fib(n, a, b) as (select 1, 1, 1 union all select n + 1, b, (a + b) % 1000000007 from fib where n < 20000)
select max(n), sum(a) from fib;
select count(*) from t where b like '%9_3%' or b glob 'ROW [1-4]?9*';
pragma integrity_check;
"""
MAKEFILE = """
SOURCES := $(wildcard *.c *.cc)
all: $(SOURCES:=.o) ; @cat $(sort $^) | md5sum
%.c.o: %.c ; @gcc -O2 -std=gnu11 -I. -c $< -o $@
%.cc.o: %.cc ; @g++ -O2 -std=c++17 -c $< -o $@
"""
PCRE = r"^(?=.*(\d)\1)(?:(?!7{2})[^\n])*\b(?:[a-f]+|\w*?z)(?<=[aeiouz])\b.*?(?:(\d)\d*\2)"

CASES = [
    own("locks.c"), own("unwind.cc", seldom=60), own("cancel.c"), own("robust.c"), own("comego.c"), own("storm.c", limit=90),
    own("ticks.c"), own("mendfault.c"), own("traps.c"), own("contexts.c"), own("loading.c"), own("spawning.c", seldom=20),
    Case("python3 in threads and processes", [PYTHON, "-I", program("threading_and_processes.py")], status=3, guard=False,
         limit=120),
    Case("sqlite3", ["/usr/bin/sqlite3", ":memory:"], stdin=SQL.encode(), limit=120),
    Case("xz -T2", ["/usr/bin/xz", "-3", "-T2", "--block-size=1MiB", "-c", "lines.txt"], files=["lines.txt"]),
    # A collection forgets the links, of which cc1 has tens of thousands.
    Case("make -j2", ["/usr/bin/make", "-j2", "-f", "makefile"], limit=180, guard=False, seldom=20000,
         files=["makefile", *(f for f in sorted(os.listdir(PROGRAMS)) if f.endswith((".c", ".cc")))]),
    script("signals", "signals sent to xv"),
    Case("grep -P", ["/bin/grep", "-cP", PCRE, "lines.txt"], files=["lines.txt"]),

    built("go, goroutines", "goroutines.go", limit=90),
    Case("go build", ["/usr/bin/go", "build", "-o", "made", "goroutines.go"], long=True, files=["goroutines.go"],
         products=["made"], limit=180, guard=False, environment=paths.GO),
    Case("go vet", ["/usr/bin/go", "vet", "goroutines.go"], long=True, files=["goroutines.go"], limit=180, guard=False,
         environment=paths.GO),
    built("rust, threads", "threads.rs"),
    Case("rustc", ["/usr/bin/rustc", "-O", "-o", "made", "threads.rs"], long=True, files=["threads.rs"],
         products=["made"], limit=180, guard=False),
    java("java"), java("java -Xint", "-Xint"), java("java, parallel collector", "-XX:+UseParallelGC", "-Xmx64m"),
    java("java, serial collector, first compiler", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    java("java, Shenandoah", "-XX:+UseShenandoahGC", "-Xmx128m"), java("java, Z collector", "-XX:+UseZGC", "-Xmx256m"),
    Case("javac", ["/usr/bin/javac", "-d", "out", "Workers.java"], long=True, files=["Workers.java"], guard=False,
         products=["out/Workers.class"], limit=180),
    Case("node in workers", ["/usr/bin/node", program("workers.js")], long=True, guard=False, limit=120),
    Case("luajit", ["/usr/bin/luajit", program("traces.lua")], long=True),
    Case("luajit -Ohotloop=2", ["/usr/bin/luajit", "-Ohotloop=2", "-Ohotexit=1", program("traces.lua")], long=True),
    Case("pypy3 in threads and processes", ["/usr/bin/pypy3", program("threading_and_processes.py")], status=3, long=True,
         guard=False, limit=180),
    script("redis", limit=180, long=True), script("nginx", limit=120, long=True),
    script("nginx", "nginx with workers", limit=120, long=True, environment={"MASTER": "on"}),
    stress("signal", operations=20000), stress("sigq", operations=20000), stress("sigsegv", operations=2000),
    stress("sigfpe", operations=2000), stress("sigtrap", operations=2000), stress("sigsuspend", operations=20000),
    stress("sigabrt", operations=100), stress("sigpipe", operations=200),
    stress("fork", operations=500), stress("vfork", operations=500), stress("exec", operations=100),
    stress("clone", operations=500), stress("pthread", "--pthread-max", "500", operations=2000),
    stress("vm", "--vm-bytes", "32m", operations=10000), stress("mmap", "--mmap-bytes", "8m", operations=20),
    stress("mremap", "--mremap-bytes", "4m", operations=100), stress("madvise", operations=10),
    stress("switch", operations=20000), stress("context", operations=200), stress("futex", operations=20000),
    stress("timer", "--timer-freq", "10000", operations=5000), stress("itimer", operations=200),
    # Of two instances one may find that the other has made all operations, natively too: "could not create any pthreads".
    stress("mutex", operations=20000, instances=1), stress("poll", operations=5000),
    stress("epoll", operations=2000), stress("eventfd", operations=20000), stress("pipe", operations=50000),
    stress("brk", operations=5000), stress("stack", operations=2), stress("longjmp", operations=20000),
    stress("dynlib", operations=500), stress("vdso", operations=100000), stress("cpu", operations=200),
    stress("matrix", operations=200), stress("malloc", operations=50000), stress("get", operations=200),
    stress("prctl", operations=200), stress("bad-altstack", operations=200),
    *map(cpython, [
        "test_thread", "test_threading", "test_threading_local", "test_queue", "test_signal", "test_subprocess", "test_os",
        "test_posix", "test_mmap", "test_ctypes", "test_faulthandler", "test_fork1", "test_select", "test_selectors",
        "test_poll", "test_epoll", "test_pty", "test_wait3", "test_wait4", "test_popen", "test_eintr", "test_resource",
        "test_exceptions", "test_gc", "test_threadsignals"]),
    # Waits 130 s in all, and gives new interpreters a second or two to answer: they must not be discarded over and over.
    cpython("test_concurrent_futures", seldom=50000),
    cpython("test_asyncio", limit=600),
    *(cpython(f"test_multiprocessing_{method}", limit=600) for method in ("fork", "forkserver", "main_handling")),
    # Each of its processes is a new interpreter.
    cpython("test_multiprocessing_spawn", limit=600, seldom=50000),
]
