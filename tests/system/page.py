# SPDX-License-Identifier: Apache-2.0
"""Chromium over its debugging pipe: a page that is looked at, typed into and photographed."""
import base64
import json
import os
import select
import subprocess
import time

from harness import Failure, tool, wait_until

FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
         "--disable-sync --disable-dev-shm-usage --hide-scrollbars --remote-debugging-pipe").split()
KEYS = {"Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), "Space": ("Space", 32, " ")}


class Page:
    """One tab. Every call waits for its answer; close() ends the browser."""

    def __init__(self, test, url, width=1280, height=1000):
        to_read, self.to_write = os.pipe()
        self.to_hear, to_say = os.pipe()

        # the browser reads from 3 and writes to 4
        self.process = subprocess.Popen(["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_say}', "bash", tool("chromium"), *FLAGS,
                                         f"--user-data-dir={test.path('profile')}", f"--window-size={width},{height}", "about:blank"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        pass_fds=(to_read, to_say))
        test.children.append(self.process)
        os.close(to_read)
        os.close(to_say)
        self.number, self.heard, self.session, self.errors = 0, b"", None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=url)

    def message(self, seconds):
        while b"\0" not in self.heard:
            if not select.select([self.to_hear], [], [], seconds)[0]:
                raise Failure(f"chromium says nothing for {seconds} s")
            piece = os.read(self.to_hear, 1 << 20)
            if not piece:
                raise Failure("chromium has ended")
            self.heard += piece
        text, self.heard = self.heard.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to_write, json.dumps(request).encode() + b"\0")
        while True:
            answer = self.message(60)
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(answer["params"]["exceptionDetails"].get("exception", {}).get("description", "an exception"))
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error']}")
                return answer["result"]

    def run(self, script):
        """The value of a piece of JavaScript."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise Failure(f"{script}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def text(self):
        return self.run("document.body.innerText")

    def waits_for(self, what, script, seconds=30):
        return wait_until(what, lambda: self.run(script), seconds, 0.2)

    def key(self, name):
        code, number, text = KEYS[name]
        common = {"key": " " if name == "Space" else name, "code": code, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def focused(self):
        """How a screen reader would call what has the focus: its label, or its text."""
        return self.run("(() => { const e = document.activeElement; return e.getAttribute('aria-label') || "
                        "(e.labels?.length ? e.labels[0].innerText.trim() : e.innerText) || e.name || e.tagName; })()")

    def tab_to(self, label, limit=200):
        """Reach it with the Tab key alone."""
        for _ in range(limit):
            self.key("Tab")
            if self.focused().startswith(label):
                return
        raise Failure(f"Tab never reaches \"{label}\"")

    def photograph(self, path, dark=False):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        time.sleep(0.3)
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.call("Browser.close")
        self.process.wait(30)
        os.close(self.to_write)
        os.close(self.to_hear)
