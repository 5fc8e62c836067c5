"""For all tests; and the browser, for the tests of pages.

These need Chromium, which comes from the system: apt-get install chromium (Debian), brew install --cask
chromium (macOS), or any Chrome or Chromium named in the environment variable CHROMIUM. `make test` installs
it where it may. Without it they are skipped; with REQUIRE_CHROMIUM=1 they fail.
"""
import os
import shutil
import signal

import pytest

# A shell that runs the tests in the background has interrupts ignored. Programs that are started here would
# inherit it, and no test could interrupt them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def find_chromium() -> str | None:
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome",
             "google-chrome-stable", "/Applications/Chromium.app/Contents/MacOS/Chromium",
             "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser():
    path = find_chromium()
    if path is None:
        message = __doc__.split("\n\n")[1].replace("\n", " ")
        pytest.fail(message) if os.environ.get("REQUIRE_CHROMIUM") else pytest.skip(message)
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


class Watch:
    "What a page complains of, and what it asks of the network."
    def __init__(self, page, allowed: tuple[str, ...]):
        self.complaints: list[str] = []
        say = self.complaints.append
        page.on("console", lambda message: say(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: say(str(error)))
        page.on("dialog", lambda dialog: (say(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda one: None if one.url.startswith(allowed) else say(f"request {one.url}"))
