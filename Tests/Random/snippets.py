# SPDX-License-Identifier: GPL-3.0-only
"""Random assembly snippets, one function for each class of instructions that is translated its own way.

Each function takes a random.Random and returns the text of one snippet. `rbx`, `rbp` and `r14` point
into the data area, the others hold anything. Local labels only: many snippets share one program.
"""

REGISTERS = ["rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r15"]
POINTERS = ["rbx", "rbp", "r14"]
CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"]
DATA_SIZE = 512
HALF = {"rax": "eax", "rcx": "ecx", "rdx": "edx", "rsi": "esi", "rdi": "edi"}
WORD = {"rax": "ax", "rcx": "cx", "rdx": "dx", "rsi": "si", "rdi": "di"}
BYTE = {"rax": "al", "rcx": "cl", "rdx": "dl", "rsi": "sil", "rdi": "dil"}
UNITS = {1: "byte", 2: "word", 4: "dword", 8: "qword"}


def sized(register, size):
    if size == 8:
        return register
    table = {4: HALF, 2: WORD, 1: BYTE}[size]
    return table.get(register) or register + {4: "d", 2: "w", 1: "b"}[size]


def immediate(rng, size):
    bits = min(size * 8, 32) - 1
    return rng.choice([0, 1, -1, 127, -128, rng.randrange(-(1 << bits), 1 << bits)]) if bits > 7 \
        else rng.randrange(-128, 128)


def place(rng, size=8):
    """A memory operand inside the data area."""
    offset = rng.randrange(0, 128) & -size
    return rng.choice([
        f"[{rng.choice(POINTERS)} + {offset}]",
        f"[rip + data + {rng.randrange(0, DATA_SIZE - 64)}]",
    ])


def plain(rng, allow_memory=True):
    """One instruction that computes."""
    size = rng.choice([1, 2, 4, 8, 8, 4])
    a, b = (sized(rng.choice(REGISTERS), size) for _ in range(2))
    memory = f"{UNITS[size]} ptr {place(rng, size)}"
    wide = max(size, 2)
    x, y = (sized(rng.choice(REGISTERS), wide) for _ in range(2))
    choices = [
        f"{rng.choice(['add', 'adc', 'sub', 'sbb', 'and', 'or', 'xor', 'cmp', 'test', 'mov'])} {a}, {b}",
        f"{rng.choice(['add', 'adc', 'sub', 'sbb', 'and', 'or', 'xor', 'cmp'])} {a}, {immediate(rng, size)}",
        f"{rng.choice(['inc', 'dec', 'neg', 'not'])} {a}",
        f"{rng.choice(['shl', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr'])} {a}, {rng.randrange(0, 40)}",
        f"{rng.choice(['shl', 'shr', 'sar', 'rol', 'ror'])} {a}, cl",
        f"imul {x}, {y}", f"cmov{rng.choice(CONDITIONS)} {x}, {y}", f"xchg {a}, {b}",
        f"{rng.choice(['bt', 'bts', 'btr', 'btc'])} {x}, {y}", f"set{rng.choice(CONDITIONS)} {sized(a, 1) if a in REGISTERS else 'al'}",
        f"lea {sized(rng.choice(REGISTERS), 8)}, [{rng.choice(REGISTERS)} + {rng.choice(REGISTERS)} * 4 + 77]",
        f"movsx {sized(rng.choice(REGISTERS), 8)}, {sized(rng.choice(REGISTERS), 1)}",
        f"movzx {sized(rng.choice(REGISTERS), 4)}, {sized(rng.choice(REGISTERS), 2)}",
        f"bswap {rng.choice(REGISTERS)}", f"shld {x}, {y}, {rng.randrange(0, 16)}", "cqo", "cdqe", "mul rcx",
        f"mov {rng.choice(REGISTERS)}, {rng.randrange(1 << 64)}", "cmc", "stc", "xadd rdx, r11",
        f"bsf {x}, {y}", f"xor {a}, {a}",
    ]
    if allow_memory:
        choices += [
            f"{rng.choice(['add', 'adc', 'sub', 'xor', 'cmp', 'mov', 'and'])} {a}, {memory}",
            f"{rng.choice(['add', 'sbb', 'or', 'mov', 'test', 'xchg'])} {memory}, {a}",
            f"{rng.choice(['add', 'sub', 'cmp', 'mov', 'test'])} {memory}, {immediate(rng, size)}",
            f"{rng.choice(['inc', 'neg', 'not'])} {memory}",
            f"shl {memory}, {rng.randrange(0, 8)}", f"imul {x}, {UNITS[wide]} ptr {place(rng)}, 33",
            f"lock xadd {memory}, {a}", f"lea {rng.choice(REGISTERS)}, {place(rng)}",
            f"push qword ptr {place(rng)}\n  pop qword ptr {place(rng)}",
        ]
    return rng.choice(choices)


def some(rng, low, high):
    return "\n  ".join(plain(rng) for _ in range(rng.randrange(low, high)))


def arithmetic(rng):
    return some(rng, 6, 14)


def rip_relative(rng):
    lines = []
    for _ in range(8):
        size = rng.choice([1, 2, 4, 8])
        where = f"{UNITS[size]} ptr [rip + data + {rng.randrange(0, DATA_SIZE - 64)}]"
        register = sized(rng.choice(REGISTERS), size)
        lines.append(rng.choice([
            f"mov {register}, {where}", f"add {where}, {register}",
            f"sub {where}, {immediate(rng, size)}", f"cmp {where}, {immediate(rng, size)}",
            f"movups xmm{rng.randrange(16)}, [rip + data + {rng.randrange(400)}]",
            f"paddd xmm{rng.randrange(16)}, [rip + data + {16 * rng.randrange(20)}]",
            f"pshufd xmm{rng.randrange(16)}, [rip + data + {16 * rng.randrange(20)}], {rng.randrange(128)}",
            f"cmpxchg {where}, {register}", f"shr {where}, {rng.randrange(8)}",
        ]))
    return "\n  ".join(lines)


def conditional(rng):
    lines = []
    for _ in range(6):
        jump = rng.choice([f"j{rng.choice(CONDITIONS)} 1f"] * 5 + ["jrcxz 1f", "jecxz 1f"])
        lines += [plain(rng), jump, plain(rng), plain(rng), "1:"]
    return "\n  ".join(lines)


def loops(rng):
    count = rng.randrange(1, 6)
    body = "\n  ".join(f"{rng.choice(['add', 'xor', 'adc', 'sub'])} {rng.choice(['rax', 'rdx', 'rsi', 'r11'])}, "
                       f"{rng.choice(['rcx', 'rdx', 'r8', 'r11'])}" for _ in range(4))
    if rng.random() < 0.5:
        end = rng.choice(["loop", "loope", "loopne"])
        return f"mov ecx, {count}\n2:\n  {body}\n  {end} 2b\n  {some(rng, 1, 4)}"
    return f"mov r13d, {count}\n2:\n  {body}\n  dec r13d\n  jnz 2b\n  {some(rng, 1, 4)}"


def calls(rng):
    functions = ["leaf_plain", "leaf_scratch", "leaf_reads", "nested", "drops"]
    lines = []
    for _ in range(4):
        function = rng.choice(functions)
        if function == "drops":
            lines.append(f"push {rng.choice(REGISTERS)}")
            lines.append(f"push {rng.randrange(1 << 30)}")
        register = rng.choice(REGISTERS)
        lines.append(rng.choice([
            f"call {function}",
            f"lea {register}, [rip + {function}]\n  call {register}",
            f"lea {register}, [rip + {function}]\n  mov [rbx], {register}\n  call [rbx]",
            f"lea {register}, [rip + {function}]\n  mov [rip + data + 8], {register}\n  call [rip + data + 8]",
            f"lea rax, [rip + {function}]\n  mov [rbx + 16], rax\n  mov {register}, 2\n  call [rbx + {register} * 8]",
        ]))
        lines.append(plain(rng))
    return "\n  ".join(lines)


def jumps(rng):
    register = rng.choice(REGISTERS)
    lines = [f"mov {rng.choice(REGISTERS)}, {rng.randrange(1 << 64)}", plain(rng)]
    form = rng.randrange(4)
    if form == 0:
        lines += [f"lea {register}, [rip + 3f]", f"jmp {register}", "ud2", "3:"]
    elif form == 1:
        lines += [f"lea {register}, [rip + 3f]", f"mov [rbp + 8], {register}", plain(rng, False), "jmp [rbp + 8]", "ud2", "3:"]
    elif form == 2:
        lines += [f"lea {register}, [rip + 3f]", f"push {register}", plain(rng), "ret", "ud2", "3:"]
    else:
        index = rng.choice([name for name in REGISTERS if name != register])
        lines += [f"lea {register}, [rip + 3f]", f"mov [rbx], {register}", f"lea {register}, [rip + 4f]",
                  f"mov [rbx + 8], {register}", f"and {index}d, 1" if index.startswith("r1") or index in ("r8", "r9")
                  else f"and {HALF[index]}, 1", f"jmp [rbx + {index} * 8]", "ud2",
                  "4:", plain(rng), "3:"]
    return "\n  ".join(lines + [plain(rng), plain(rng)])


def stack(rng):
    lines = []
    for _ in range(4):
        a, b = rng.choice(REGISTERS), rng.choice(REGISTERS)
        lines.append(rng.choice([
            f"push {a}\n  pop {b}", f"push {immediate(rng, 4)}\n  pop {a}", "pushf\n  pop rax",
            f"push rsp\n  pop {a}", f"push {a}\n  push {b}\n  pop {a}\n  pop {b}",
            f"push {rng.randrange(0, 256) & 0xd5 | 2}\n  popf", "call 5f\n5:\n  pop rdx",
            "push rbp\n  mov rbp, rsp\n  sub rsp, 32\n  leave", "enter 16, 0\n  leave",
            f"mov [rsp - 24], {a}\n  mov {b}, [rsp - 24]", f"push {a}", f"pop {a}",
        ]))
        lines.append(plain(rng))
    return "\n  ".join(lines)


def system_calls(rng):
    lines = [plain(rng)]
    number, arguments = rng.choice([
        (3, ["mov edi, -1"]), (24, []), (600, []), (0x40000003, ["mov edi, -1"]), (39 + 70, ["mov edi, -1", "mov esi, -1"]),
        (10, ["lea rdi, [rip + page]", "mov esi, 4096", "mov edx, 3"]),
        (11, ["mov edi, 1", "mov esi, 4096"]), (13, ["mov edi, 200", "xor esi, esi", "xor edx, edx", "mov r10d, 8"]),
    ])
    flags = rng.choice(["stc", "clc", "cmp eax, edx"])
    if rng.random() < 0.5:
        lines += [*arguments, flags, f"mov eax, {number}", "syscall"]
    else:
        lines += [*arguments, f"mov qword ptr [rip + data], {number}", flags, "mov rax, [rip + data]", "syscall"]
    return "\n  ".join(lines + ["mov rsi, rcx", plain(rng)])


def guest_segment(rng):
    lines = []
    for _ in range(5):
        size = rng.choice([1, 2, 4, 8])
        register = sized(rng.choice(REGISTERS), size)
        index = rng.choice(["r8", "rax", "rcx"])
        where = rng.choice([f"gs:[{rng.randrange(0, 256)}]", f"gs:[{index} + {rng.randrange(100)}]",
                            f"gs:[{index} * 4 + 40]"])
        if index in where:
            lines.append(f"mov {index}, {rng.randrange(32)}")
        unit = f"{UNITS[size]} ptr {where}"
        lines.append(rng.choice([
            f"mov {register}, {unit}", f"mov {unit}, {register}", f"add {unit}, {immediate(rng, size)}",
            f"xor {register}, {unit}", f"movups xmm{rng.randrange(16)}, {where}",
            f"push qword ptr {where}\n  pop qword ptr {where}", f"xchg {unit}, {register}",
        ]))
    return "\n  ".join(lines)


def vectors(rng):
    lines = []
    for _ in range(8):
        a, b, c = (rng.randrange(16) for _ in range(3))
        lines.append(rng.choice([
            f"paddq xmm{a}, xmm{b}", f"pxor xmm{a}, xmm{b}", f"punpcklbw xmm{a}, xmm{b}",
            f"movq xmm{a}, {rng.choice(REGISTERS)}", f"movq {rng.choice(REGISTERS)}, xmm{a}",
            f"movdqu xmm{a}, {place(rng, 16)}", f"movdqu {place(rng, 16)}, xmm{a}",
            f"pmovmskb {rng.choice(['ecx', 'edx', 'r11d', 'eax'])}, xmm{a}", f"pextrw {rng.choice(['ecx', 'r11d'])}, xmm{b}, 3",
            f"ptest xmm{a}, xmm{b}", f"VEX vpaddd ymm{a}, ymm{b}, ymm{c}", f"VEX vmovdqu ymm{a}, {place(rng, 32)}",
            f"VEX vpxor xmm{a}, xmm{b}, [rip + data + 32]", f"VEX vpextrq rdx, xmm{c}, 1",
            f"VEX vpbroadcastd ymm{a}, dword ptr {place(rng, 4)}", f"VEX vperm2i128 ymm{a}, ymm{b}, [rip + data + 7], 3",
            "VEX andn rcx, rdx, r11", "VEX bextr r11, rdx, rcx", "VEX rorx rdx, rcx, 13", "VEX mulx rcx, r11, rax",
        ]))
    return "\n  ".join(lines)


def strings(rng):
    operation = rng.choice(["movsb", "movsq", "stosb", "stosd", "lodsb", "scasb", "cmpsb"])
    prefix = rng.choice(["", "rep "]) if operation[:3] in ("mov", "sto", "lod") else rng.choice(["", "repe ", "repne "])
    return (f"{some(rng, 1, 3)}\n  lea rsi, [rip + data + {rng.randrange(64)}]\n  lea rdi, [rip + data + {128 + rng.randrange(64)}]\n"
            f"  mov ecx, {rng.randrange(9)}\n  {prefix}{operation}\n  {some(rng, 1, 3)}")


def self_modifying(rng):
    value = rng.randrange(1 << 31)
    return (f"mov dword ptr [rip + 6f + 1], {value}\n  {plain(rng)}\n6:\n  mov eax, 1\n  {plain(rng)}\n"
            f"  mov byte ptr [rip + 7f + 2], {rng.randrange(128)}\n7:\n  mov r11b, 1\n  {plain(rng)}")


CLASSES = [arithmetic, rip_relative, conditional, loops, calls, jumps, stack, system_calls, guest_segment,
           vectors, strings, self_modifying]
