# SPDX-License-Identifier: GPL-3.0-only
"""Loops, method calls, closures, dictionaries and strings in the interpreter."""


class Account:
    def __init__(self, balance):
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        self.balance += amount
        self.note(amount)
        return self

    def note(self, amount):
        if amount % 97 == 0:
            self.history.append(amount)

    @property
    def total(self):
        return self.balance + len(self.history)


class Savings(Account):
    def deposit(self, amount):
        return super().deposit(amount + amount // 100)


def calls(rounds):
    accounts = [Account(i) if i % 2 else Savings(i) for i in range(16)]
    for i in range(rounds):
        accounts[i & 15].deposit(i)
    return sum(account.total for account in accounts)


def loops(limit):
    sieve = bytearray([1]) * limit
    for i in range(2, int(limit ** 0.5) + 1):
        if sieve[i]:
            for j in range(i * i, limit, i):
                sieve[j] = 0
    return sum(sieve)


def words(rounds):
    counts = {}
    for i in range(rounds):
        word = "w%d" % (i * 7919 % 5003)
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


print(calls(1_600_000), loops(3_000_000), words(900_000), fib(27))
