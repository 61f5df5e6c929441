# SPDX-License-Identifier: GPL-3.0-only
"""Makes a program of snippets: each runs from a random state, and its final state is written out."""

import random
import struct

import snippets

GENERAL = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
           "r13", "r14", "r15"]
STACK_SHOWN = 128
FIELDS = [("number", 8)] + [(name, 8) for name in GENERAL] + [("flags", 8)] + \
    [(f"vector {number}", 32) for number in range(16)] + [("data", snippets.DATA_SIZE), ("stack", STACK_SHOWN)]
RECORD = sum(size for _, size in FIELDS)

HEAD = """
.intel_syntax noprefix
.section .note.GNU-stack,"",@progbits
.bss
.align 4096
page: .skip 4096
stack: .skip 4096
stack_start: .skip 512
.align 64
data: .skip 1024
result: .skip 1024
scratch: .skip 64
scratch_top:
.section .code,"a%sx",@progbits
leaf_plain:
  ret
leaf_scratch:
  xor ecx, ecx
  mov edx, 5
  lea r11, [rdx + 9]
  ret
leaf_reads:
  lea rax, [rcx + rdx]
  xor rax, r11
  ret
nested:
  push rcx
  call leaf_reads
  pop r8
  jmp leaf_plain
drops:
  mov rax, [rsp + 8]
  xor rax, [rsp + 16]
  ret 16
.globl _start
_start:
  mov edi, 0x1001
  lea rsi, [rip + data]
  mov eax, 158
  syscall
"""
TAIL = """
  xor edi, edi
  mov eax, 231
  syscall
"""


def words(rng, count):
    """Random words, with many that make carries and signs."""
    special = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    return [rng.choice(special) if rng.random() < 0.3 else rng.randrange(1 << 64) for _ in range(count)]


def numbers(values):
    return "  .quad " + ", ".join(hex(value) for value in values) + "\n"


class Program:
    """`count` snippets of one class."""

    def __init__(self, kind, seed, count, has_avx):
        self.name = kind.__name__
        rng = random.Random(f"{self.name} {seed}")
        changes = kind is snippets.self_modifying
        text = [HEAD % ("w" if changes else "")]
        constants = [".section .rodata\n.align 64\n"]
        self.snippets = []
        for number in range(count):
            snippet = kind(rng)
            snippet = "\n".join(
                line.replace("VEX ", "") for line in snippet.split("\n") if has_avx or "VEX " not in line)
            self.snippets.append(snippet)
            text.append(self.framed(number, snippet, has_avx))
            flags = 0x202 | rng.randrange(1 << 12) & 0x8d5
            constants.append(f"state_{number}:\n" + numbers(words(rng, 64 + snippets.DATA_SIZE // 8 + 16))
                             + numbers([flags]))
        self.source = "".join(text) + TAIL + "".join(constants)

    @staticmethod
    def framed(number, snippet, has_avx):
        load, store, width, letter = ("vmovups", "vmovups", 32, "y") if has_avx else ("movups", "movups", 16, "x")
        state = f"state_{number}"
        lines = ["cld", f"lea rsi, [rip + {state} + 512]", "lea rdi, [rip + data]",
                 f"mov ecx, {snippets.DATA_SIZE + 128}", "rep movsb",
                 # What an earlier snippet left behind in dead stack is not the program's to read.
                 "lea rdi, [rip + stack_start]", "mov ecx, 64", "mov eax, 0x5a5a", "rep stosq"]
        lines += [f"{load} {letter}mm{i}, [rip + {state} + {i * width % 512}]" for i in range(16)]
        lines += ["lea rsp, [rip + stack_start]",
                  f"push [rip + {state} + {512 + snippets.DATA_SIZE + 128}]", "popf"]
        for index, name in enumerate(GENERAL):
            if name in snippets.POINTERS:
                lines.append(f"lea {name}, [rip + data + {64 * (index % 4)}]")
            elif name != "rsp":
                lines.append(f"mov {name}, [rip + {state} + {index * 8}]")
        lines.append(snippet)
        lines += [f"mov [rip + result + {8 + i * 8}], {name}" for i, name in enumerate(GENERAL)]
        lines += ["lea rsp, [rip + scratch_top]", "pushf", "pop [rip + result + 136]"]
        lines += [f"{store} [rip + result + {144 + i * 32}], {letter}mm{i}" for i in range(16)]
        lines.append(f"mov qword ptr [rip + result], {number}")
        for address, size in [("lea rsi, [rip + result]", 144 + 512),
                              ("lea rsi, [rip + data]", snippets.DATA_SIZE),
                              ("mov rsi, [rip + result + 40]", STACK_SHOWN)]:
            lines += [address, f"mov edx, {size}", "mov edi, 1", "mov eax, 1", "syscall"]
        return "\n  ".join([""] + lines) + "\n"

    def differences(self, native, other):
        """Lines about the first snippet that ends in another state."""
        for start in range(0, max(len(native), len(other)), RECORD):
            a, b = native[start:start + RECORD], other[start:start + RECORD]
            if a == b:
                continue
            number = start // RECORD
            found = [f"snippet {number}:"] + ["  " + line for line in self.snippets[number].split("\n")]
            at = 0
            for name, size in FIELDS:
                x, y = a[at:at + size], b[at:at + size]
                if x != y:
                    found.append(f"{name}: {shown(x)} natively, {shown(y)} under xv")
                at += size
            return found
        return []


def shown(value):
    return hex(struct.unpack("<Q", value)[0]) if len(value) == 8 else value.hex()
