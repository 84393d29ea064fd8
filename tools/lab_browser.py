"""A real JupyterLab and a real Chromium, for the browser tests, the screenshots and the slider benchmark.

    with jupyter_lab("notebooks") as lab, chromium() as browser:
        with opened(browser, lab, "01-one-server.ipynb") as notebook:
            notebook.run_all()
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

from tools.lab_page import LabPage

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
         "--disable-component-update", "--disable-default-apps", "--disable-quic"]
OWN_FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
               "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
HOSTS = ("127.0.0.1", "localhost")
START_SECONDS = 60
LAB_CORE = "/static/lab/jlab_core."


@dataclass
class Lab:
    """A JupyterLab that runs: where it is, and the temporary copy of the notebooks that it serves."""

    address: str
    token: str
    notebooks: Path


@dataclass
class Traffic:
    """What a page asked for and complained about."""

    requests: list = field(default_factory=list)
    console_errors: list = field(default_factory=list)

    def note(self, error):
        """Keep an exception, unless JupyterLab's own core raised it all by itself: at times it removes a node twice."""
        frames = [line for line in (error.stack or "").splitlines() if line.lstrip().startswith("at ")]
        if not frames or not all(LAB_CORE in frame for frame in frames):
            self.console_errors.append(str(error))

    def beyond_this_machine(self):
        """The requests that left 127.0.0.1."""
        return [url for url in self.requests
                if urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).hostname not in HOSTS]


def find_browser():
    """The path of a Chromium, or None."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


@contextmanager
def jupyter_lab(notebooks):
    """Serve a temporary copy of the folder `notebooks` with a JupyterLab that knows no settings of the user's."""
    with tempfile.TemporaryDirectory(prefix="sdlib-browser-") as folder:
        copy = Path(folder, "notebooks")
        shutil.copytree(notebooks, copy, ignore=shutil.ignore_patterns(".ipynb_checkpoints", ".sdlib-progress.json"))
        write_settings(folder)
        port, token = free_port(), "only-for-this-test"
        log = Path(folder, "lab.log")
        with log.open("wb") as output:
            server = subprocess.Popen(command(copy, port, token), env=environment(folder), stdout=output,
                                      stderr=subprocess.STDOUT, start_new_session=True)
        try:
            lab = Lab(f"http://127.0.0.1:{port}", token, copy)
            wait_until_it_answers(server, lab, log)
            yield lab
        finally:
            stop(server, lab)


def command(folder, port, token):
    """The command line that starts JupyterLab."""
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *root, "--no-browser", "--ip=127.0.0.1", f"--port={port}",
            "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
            "--LabApp.expose_app_in_browser=True", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.news_url=None"]


def write_settings(folder):
    """Answer JupyterLab's question about news beforehand: it would cover the page."""
    settings = Path(folder, "jupyterlab_settings_dir", "@jupyterlab", "apputils-extension")
    settings.mkdir(parents=True)
    Path(settings, "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')


def environment(folder):
    """This process's environment, with all of Jupyter's own folders moved into `folder`, and as a learner has it."""
    own = {name: str(Path(folder, name.lower())) for name in OWN_FOLDERS}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    inherited = {name: value for name, value in os.environ.items() if name != "SDLIB_HEADLESS"}
    return {**inherited, **own, "PYTHONPATH": paths}


def free_port():
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_answers(server, lab, log):
    """Raise RuntimeError, with what the server wrote, if it does not answer in time."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{lab.address}/api/status?token={lab.token}", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")


def stop(server, lab):
    """Let the server end its kernels and itself; what is still there after that is killed."""
    if server.poll() is None:
        ask = urllib.request.Request(f"{lab.address}/api/shutdown?token={lab.token}", data=b"", method="POST")
        try:
            urllib.request.urlopen(ask, timeout=10).close()
            server.wait(20)
        except (URLError, OSError, subprocess.TimeoutExpired):
            server.kill()
            server.wait()


@contextmanager
def chromium():
    """A headless Chromium of the system's. RuntimeError if there is none."""
    from playwright.sync_api import sync_playwright
    path = find_browser()
    if path is None:
        raise RuntimeError("no Chromium on the PATH; on Debian and Ubuntu: sudo apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser, lab, name, width=1280, height=1400):
    """A LabPage with the notebook open and its kernel ready; page and kernel are closed at the end."""
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        page = context.new_page()
        traffic = watch(page)
        page.goto(f"{lab.address}/lab/tree/{name}?token={lab.token}&reset")
        notebook = LabPage(page, traffic)
        notebook.wait_until_ready()
        yield notebook
        notebook.shut_down_kernel()
    finally:
        context.close()


def watch(page):
    """Collect the page's requests and console errors from now on."""
    traffic = Traffic()
    page.on("request", lambda request: traffic.requests.append(request.url))
    page.on("websocket", lambda channel: traffic.requests.append(channel.url))
    page.on("pageerror", lambda error: traffic.note(error))
    page.on("console", lambda message: traffic.console_errors.append(message.text) if message.type == "error" else None)
    return traffic
