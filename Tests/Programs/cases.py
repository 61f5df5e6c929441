# SPDX-License-Identifier: GPL-3.0-only
"""The programs that are run natively and under xv, and must do the same."""

import dataclasses
import signal

from fixtures import guest


@dataclasses.dataclass
class Case:
    """One command. `flush` is the period of `--torture flush=N`; `long` ones run with --all."""

    name: str
    command: list
    stdin: bytes = b""
    limit: int = 60
    flush: int = 500
    long: bool = False
    # What starts it, or xv with it.
    launcher: list = dataclasses.field(default_factory=list)
    # How it must end natively: a case that fails before xv has its turn proves nothing.
    status: int = 0


def shell(name, script, interpreter="bash", **options):
    return Case(name, [f"/bin/{interpreter}", "-c", script], **options)


PYTHON = "/usr/bin/python3"

# What the limit is, a file that is too large, and an end by SIGXFSZ.
LIMITED_FILES = """
ulimit -Sf; ulimit -Hf
python3 -c 'import os; print(os.pwrite(os.open("one", os.O_CREAT | os.O_WRONLY), b"x", 102399))'
python3 -c 'import subprocess; print(subprocess.run(["head", "-c", "200000", "/dev/zero"], stdout=open("two", "w")).returncode)'
stat -c %s one two
"""

JSON = """
import json
value = {"a": [1, 2.5, None, True, "\\u00e9\\n"], "b": {str(i): list(range(i)) for i in range(60)}}
text = json.dumps(value, sort_keys=True, indent=1)
assert json.loads(text) == value
print(len(text), text[:200])
"""
REGEX = """
import re
text = " ".join("word%d=%d;" % (i, i * i) for i in range(4000))
pairs = re.findall(r"(?P<name>[a-z]+\\d+)=(\\d+);", text)
print(len(pairs), pairs[77], re.sub(r"(\\d)(\\d)", r"\\2\\1", text)[:300])
"""
DECIMAL = """
import decimal, fractions, math
decimal.getcontext().prec = 120
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1).exp(), sum(fractions.Fraction(1, n) for n in range(1, 80)))
print([math.sin(x / 7) for x in range(20)], math.factorial(200))
"""
SUBPROCESS = """
import subprocess, os, sys
print(subprocess.run(["/bin/echo", "from", "a", "child"], capture_output=True).stdout)
print(subprocess.run("exit 7", shell=True).returncode, os.WEXITSTATUS(os.system("exit 3")))
pipe = subprocess.Popen(["/usr/bin/tr", "a-z", "A-Z"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(pipe.communicate(b"piped through tr")[0])
try:
    subprocess.run(["/bin/sh", "-c", "kill -TERM $$"], check=True)
except subprocess.CalledProcessError as error:
    print(error.returncode)
sys.exit(5)
"""
PERL = r"""
my %count; my $n = 0;
for my $i (1 .. 60000) { my $k = "k" . ($i * 7919 % 1009); $count{$k} += $i; }
for my $k (sort { $count{$a} <=> $count{$b} || $a cmp $b } keys %count) {
  $n++ if $k =~ /^k(\d)\1/; print "$k $count{$k}\n" if $n % 50 == 1 }
print "$n\n"; my $s = "abc" x 1000; $s =~ s/(b)(c)/$2$1/g; print length($s), substr($s, 0, 20), "\n";
"""
SQL = """
create table t(id integer primary key, a integer, b text);
with recursive n(i) as (select 1 union all select i+1 from n where i < 30000)
insert into t select i, (i*7919)%10007, 'row '||i from n;
create index ta on t(a);
select count(*), sum(a), max(b) from t;
select a/1000 as k, count(*), group_concat(id % 10, '') from t where id < 500 group by k order by k;
select x.id, y.id from t x join t y on x.a = y.a and x.id < y.id order by 1, 2 limit 10;
update t set b = upper(b) where a % 3 = 0;
select b from t where a between 100 and 110 order by a, id;
"""
INHERITED = r"""
import os, signal

def end_of_child():
    try:
        return os.wait()[1]
    except ChildProcessError:
        return "nobody's"

for line in open("/proc/self/status"):
    if line.startswith(("SigBlk", "SigIgn")):
        print(line, end="")
for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD):
    os.kill(os.getpid(), number)
if os.fork() == 0:
    os._exit(3)
print(end_of_child(), flush=True)
if os.fork() == 0:
    os.execv("/bin/sh", ["sh", "-c", "kill -HUP $$; echo alive"])
print(end_of_child())
"""
IGNORING = ["/bin/sh", "-c", "trap '' HUP USR2 CHLD; exec \"$@\"", "sh"]
BLOCKING = [PYTHON, "-I", "-c", "import os, signal, sys\n"
            "signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD, "
            "signal.SIGTRAP, signal.SIGSEGV, 34, 64])\nos.execv(sys.argv[1], sys.argv[1:])"]
PIPES = r"""
set -e
count() { local n=0; while read -r line; do n=$((n + ${#line})); done; echo "$n"; }
seq 1 3000 | grep 7 | sort -rn | tee >(wc -l > wc.out) | head -n 5 || true
cat lines.txt | head -n 2000 | count
for i in 1 2 3; do (exit $i) || echo "status $?"; done
trap 'echo trapped' USR1; kill -USR1 $$
{ sleep 0.05; echo late; } & wait $!; echo "waited $?"
x=$(echo nested $(echo deeper `echo deepest`)); echo "$x"
false | true; echo "${PIPESTATUS[@]}"
while [ ! -s wc.out ]; do :; done; cat wc.out
"""
DASH = r"""
i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done; echo $i
seq 1 500 | while read n; do case $n in *9) echo $n;; esac; done | tail -n 3
f() { echo "f: $1"; return 4; }; f x; echo $?
(trap 'echo bye' EXIT; exit 2); echo $?
sh -c 'kill -KILL $$'; echo $?
cat <<EOF | tr a-z A-Z
here document $i
EOF
"""
COMPILE = r"""
set -e
gcc -O2 -Wall -o made compute.c -lm; ./made
g++ -O1 -fnon-call-exceptions -o made++ shapes.cc; ./made++
objdump -d made --no-show-raw-insn | grep -c mov > /dev/null
make -s -f - <<'EOF'
all: one two ; @cat one two
one: ; @echo 1 > one
two: ; @echo 2 > two
EOF
"""

CASES = [
    Case("true", ["/bin/true"], flush=5),
    Case("false", ["/bin/false"], flush=5, status=1),
    shell("exit status", "exit 42", "dash", status=42, flush=5),
    Case("echo", ["/bin/echo", "one", "", "two words", "\\"], flush=5),
    Case("ls -lR", ["/bin/ls", "-lR", "/usr/share"], flush=200),
    Case("find", ["/usr/bin/find", "/usr/share", "-name", "*.[hm]*", "-size", "+1k", "-printf", "%s %p\n"]),
    Case("grep", ["/bin/grep", "-nE", "(a[b-d]+e|99*8).*[0-5]{3}$", "lines.txt"]),
    Case("grep -P", ["/bin/grep", "-cP", r"\b(\d)\d*\1\b", "lines.txt"]),
    Case("sed", ["/bin/sed", "-nE", r"s/([0-9]+) ([a-z]+)/\2-\1/g;/7-?3/{p;=}", "lines.txt"]),
    Case("awk", ["/usr/bin/awk", "{ n[$2 % 97] += length($0) } END { for (i = 0; i < 97; i++) print i, n[i], sin(i) }",
                 "lines.txt"]),
    Case("sort", ["/usr/bin/sort", "million.txt"], limit=120, flush=100),
    Case("sort -n in threads", ["/usr/bin/sort", "-n", "--parallel=4", "-S64M", "million.txt"], limit=120),
    Case("tar", ["/bin/tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-cf", "-", "tree"]),
    shell("tar and back", "tar cf t.tar tree && mkdir out && tar xf t.tar -C out && diff -r tree out/tree && echo same"),
    Case("gzip", ["/bin/gzip", "-6nc", "text.txt"]),
    shell("gzip -d", "gzip -nc text.txt | gzip -dc | cmp - text.txt && echo same"),
    Case("xz", ["/usr/bin/xz", "-3", "-T1", "-c", "text.txt"]),
    shell("xz -d", "xz -1 -c text.txt | xz -dc | cmp - text.txt && echo same"),
    Case("bzip2", ["/bin/bzip2", "-c", "text.txt"]),
    shell("bash with pipes", PIPES, limit=90),
    shell("dash with pipes", DASH, "dash", limit=90),
    Case("python3 json", [PYTHON, "-I", "-c", JSON]),
    Case("python3 re", [PYTHON, "-I", "-c", REGEX]),
    Case("python3 decimal", [PYTHON, "-I", "-c", DECIMAL]),
    Case("python3 subprocess", [PYTHON, "-I", "-c", SUBPROCESS], status=5),
    Case("python3 traceback", [PYTHON, "-I", "-c", "def f(n): return 1 / n and f(n - 1)\nf(9)"], status=1),
    Case("perl", ["/usr/bin/perl", "-e", PERL]),
    Case("sqlite3", ["/usr/bin/sqlite3", ":memory:"], stdin=SQL.encode()),
    Case("lua5.4", ["/usr/bin/lua5.4", "-e",
                    "local t = {} for i = 1, 50000 do t[#t + 1] = ('%x'):format(i * i % 9973) end "
                    "table.sort(t) print(#t, t[1], t[777], table.concat(t, ' ', 1, 30))"]),
    Case("bc", ["/usr/bin/bc", "-l"], stdin=b"scale=200\n4*a(1)\ne(1)\n2^500\n"),
    Case("git log", ["/usr/bin/git", "-C", "repository", "log", "--stat", "-p", "--no-color"]),
    shell("git, many commands", "cd repository && git status -s && git log --oneline | wc -l && git blame f3 | head -n 5 "
          "&& git grep -n 17 | head && git fsck 2>&1 | tail -n 1"),
    shell("gcc -O2, link, run", COMPILE, limit=120, flush=10000),
    Case("openssl dgst", ["/usr/bin/openssl", "dgst", "-sha256", "-r", "text.txt"]),
    shell("openssl, more", "for h in md5 sha1 sha512 sha3-256 blake2b512; do openssl dgst -$h -r text.txt; done; "
          "openssl enc -aes-256-ctr -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff -iv "
          "000102030405060708090a0b0c0d0e0f -in text.txt | openssl dgst -sha256 -r"),
    shell("busybox-static", "/bin/busybox sh -c 'busybox seq 1 2000 | busybox awk \"{s+=\\$1} END {print s}\"; "
          "busybox md5sum text.txt; busybox ls -l tree | busybox wc -l'"),
    Case("busybox alone", ["/bin/busybox", "sha256sum", "text.txt"], flush=5),
    Case("gdb --version", ["/usr/bin/gdb", "-nx", "--version"], flush=2000),
    shell("file", "file -b /bin/bash text.txt tree/*"),
    shell("killed by a child", "{ dash -c 'kill -SEGV $$'; echo $?; dash -c 'kill -9 $$'; echo $?; } 2> /dev/null"),
    shell("exec chain", "exec dash -c 'exec /usr/bin/env A=1 /bin/bash -c \"echo \\$A; exit 9\"'", status=9),
    # xv shares a file with the program that is larger; the limit is the program's alone.
    *(Case(f"limited files {kind}", ["/bin/bash", "-c", LIMITED_FILES], launcher=["/bin/bash", "-c", f'{limits}; "$@"', "bash"], flush=5000)
      for kind, limits in (("softly", "ulimit -Sf 100"), ("hard", "ulimit -Hf 1000000000; ulimit -Sf 100"))),
    Case("signals ignored by the parent", [PYTHON, "-I", "-c", INHERITED], launcher=IGNORING, flush=2000),
    Case("signals blocked by the parent", [PYTHON, "-I", "-c", INHERITED], launcher=BLOCKING, flush=2000),
    Case("nohup", ["/bin/bash", "-c", "kill -HUP $$; exec /bin/sh -c 'kill -HUP $$; echo alive'"],
         launcher=["/usr/bin/nohup"], flush=5),
    # A script whose #! line xv must follow as the kernel does.
    Case("script with #!", ["./script.sh", "an argument"], status=3),

    # Small programs, in every way that they are linked.
    *[Case(f"{program}, {linked}", [guest(program, linked), *arguments], flush=flush, status=status)
      for program, arguments, flush, status in [
          ("compute", [], 200, 0),
          ("signals", [], 3, 0),
          ("callbacks", [], 3, 0),
          ("vectors", [], 3, 0),
          ("processes", [], 5, 12),
      ]
      for linked in ("pie", "no-pie", "static", "static-pie")],
    Case("shapes (C++ exceptions)", [guest("shapes.cc", "pie")], flush=5),
    Case("shapes, static", [guest("shapes.cc", "static")], flush=5),
    *[Case(f"death by {how}", [guest("death", "pie"), how], flush=3, status=-number)
      for how, number in [("abort", signal.SIGABRT), ("segv", signal.SIGSEGV), ("ill", signal.SIGILL),
                          ("fpe", signal.SIGFPE), ("trap", signal.SIGTRAP), ("kill", signal.SIGKILL),
                          ("term", signal.SIGTERM), ("bus", signal.SIGBUS), ("jump", signal.SIGSEGV)]],

    # Longer ones.
    shell("bash, ten thousand rounds", "for ((i = 0; i < 10000; i++)); do a[i % 100]=$((i * i)); done; echo ${a[*]}",
          long=True),
    shell("many children", "for i in $(seq 1 300); do /bin/echo $i; done | sort -n | tail -n 1", long=True, limit=180),
    Case("xz -6 of more", ["/usr/bin/xz", "-6", "-T1", "-c", "million.txt"], long=True, limit=180),
    Case("python3 compileall", [PYTHON, "-I", "-c",
         "import ast, glob\nn = 0\nfor f in sorted(glob.glob('/usr/lib/python3.11/*.py'))[:60]:\n"
         "    n += len(list(ast.walk(ast.parse(open(f).read()))))\nprint(n)"], long=True, limit=180),
    shell("perldoc-sized regexes", "perl -ne 'print if /^(?:[a-f]|\\d{2,}?)+(?=\\w*z)/' million.txt | md5sum",
          long=True, limit=180),
]
