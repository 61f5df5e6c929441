# SPDX-License-Identifier: GPL-3.0-only
"""lldb-dap, spoken to as an editor does (Debug Adapter Protocol over stdin and stdout)."""

import json
import queue
import subprocess
import threading

ADAPTER = "lldb-dap-19"
LIMIT = 20


class Adapter:
    """One debugging session. Each wait has a limit; what did not come raises TimeoutError."""

    def __init__(self, directory, environment):
        self.child = subprocess.Popen(
            [ADAPTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=directory,
            env=environment, start_new_session=True)
        self.arrived = queue.Queue()
        self.events = []
        self.replies = {}
        self.number = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            length = 0
            while (line := self.child.stdout.readline()) not in (b"\r\n", b""):
                key, _, value = line.partition(b":")
                if key.lower() == b"content-length" and value.strip().isdigit():
                    length = int(value)
            try:
                message = json.loads(self.child.stdout.read(length)) if length else None
            except ValueError:
                message = None  # The adapter is ending, and tears what it says last.
            self.arrived.put(message)
            if message is None:
                return

    def take(self, what):
        """Takes the next message in."""
        try:
            message = self.arrived.get(timeout=LIMIT)
        except queue.Empty:
            raise TimeoutError(f"{what} did not come within {LIMIT} s") from None
        if message is None:
            raise ConnectionError(f"the adapter ended before {what}")
        if message["type"] == "event":
            self.events.append(message)
        elif message["type"] == "response":
            self.replies[message["request_seq"]] = message

    def send(self, command, **arguments):
        """Sends a request whose answer is asked for later; returns its number."""
        self.number += 1
        text = json.dumps({"seq": self.number, "type": "request", "command": command, "arguments": arguments})
        self.child.stdin.write(b"Content-Length: %d\r\n\r\n" % len(text.encode()) + text.encode())
        self.child.stdin.flush()
        return self.number

    def answer(self, number, what):
        while number not in self.replies:
            self.take(f"the answer to {what}")
        reply = self.replies.pop(number)
        if not reply["success"]:
            raise RuntimeError(f"{what}: {reply.get('message') or reply}")
        return reply.get("body") or {}

    def ask(self, command, **arguments):
        return self.answer(self.send(command, **arguments), command)

    def event(self, *names):
        """The next event of a name; others before it are passed over, output aside."""
        while True:
            for place, event in enumerate(self.events):
                if event["event"] in names:
                    self.events[:place + 1] = [each for each in self.events[:place] if each["event"] == "output"]
                    return event.get("body") or {}
            self.take(f"the event {' or '.join(names)}")

    def output(self):
        """What the program printed through the adapter up to now."""
        texts = [event["body"] for event in self.events if event["event"] == "output"]
        return "".join(body["output"] for body in texts if body.get("category") == "stdout")

    def close(self):
        self.child.stdin.close()
        try:
            self.child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.reader.join(LIMIT)
        self.child.stdout.close()
