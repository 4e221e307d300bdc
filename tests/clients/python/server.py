"""The embedded event store as a process of this one: started, killed and started again on its own files."""

import json
import os
import subprocess
import tempfile
import threading

START_LIMIT_S = 60


class Server:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="storewright-clients-")
        self._process = None
        self.port = 0
        self.start()

    def start(self):
        """Starts it on the port that it had before. Raises TimeoutError when it does not come up."""
        command = json.loads(os.environ["EVENT_STORE_COMMAND"])
        folder = ["--data-dir", os.path.join(self._folder.name, "data"), "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, *folder, "--parent-pipe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        late = threading.Timer(START_LIMIT_S, self._process.kill)
        late.start()
        try:
            self.port = self._listening()["port"]
        finally:
            late.cancel()

    def _listening(self):
        """The line that says where it listens. What it says of its log may stand before it."""
        for line in self._process.stdout:
            told = json.loads(line)
            if told.get("msg") == "listening":
                return told
        raise TimeoutError("The event store did not start.")

    def kill(self):
        self._process.kill()
        self._process.wait(START_LIMIT_S)
        self._process.stdin.close()
        self._process.stdout.close()

    def close(self):
        self.kill()
        self._folder.cleanup()
