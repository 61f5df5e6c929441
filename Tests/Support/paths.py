# SPDX-License-Identifier: GPL-3.0-only
"""Where things are: the programs under test and the small programs that they run."""

import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILT = os.path.join(ROOT, ".build", "guest-programs")

# Go's compiler keeps nothing outside the build directory.
GO = {"GOCACHE": os.path.join(ROOT, ".build", "go"), "GO111MODULE": "off", "GOFLAGS": ""}

# Each command ends with the option that names its output.
COMPILERS = {
    ".c": ["gcc", "-std=gnu11", "-o"],
    ".cc": ["g++", "-std=c++17", "-o"],
    ".go": ["go", "build", "-o"],
    ".rs": ["/usr/bin/rustc", "-O", "-o"],
    ".java": ["javac", "-d"],
}


def product(name, variable):
    """The built program `name`; the environment variable names another one."""
    path = os.environ.get(variable) or os.path.join(ROOT, ".build", "release", name)
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is not there: swift build -c release --static-swift-stdlib (or set {variable})")
    return path


def compiled(directory, source, flags=("-g", "-O0"), name=None):
    """Compiles one source file of `directory`, once for each content and flags.

    The name of the program is short and stable: it appears in transcripts, and its length moves
    the guest's stack.
    """
    path = os.path.join(directory, source)
    stem, suffix = os.path.splitext(source)
    os.makedirs(BUILT, exist_ok=True)
    output = os.path.join(BUILT, name or stem)
    words = [*flags, source] if suffix == ".go" else [source, *flags]
    command = COMPILERS[suffix] + [output, *words]
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read() + repr(command).encode()).hexdigest()
    stamp = output + ".stamp"
    if os.path.exists(output) and os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == digest:
                os.utime(output)  # Else gdb remarks on a source that a checkout made younger.
                return output
    # The source's directory is the compiler's: transcripts then show a short file name.
    subprocess.run(command, cwd=directory, check=True, env={**os.environ, **GO})
    with open(stamp, "w") as file:
        file.write(digest)
    return output
