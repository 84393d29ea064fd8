"""NGINX as a process of a lab: in the foreground, as whoever runs the lab, all its files in the lab's folder."""

import grp
import os
import subprocess
from dataclasses import dataclass

from sdlib.labs.faults import LabError, in_words
from sdlib.labs.stage import find_program

CONFIG = """\
{user}daemon off;
worker_processes 1;                       # each worker counts its own turns and connections
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
{http}
    server {{
        listen 127.0.0.1:{port} reuseport;
{server}
    }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running NGINX: its `url`, `port`, `process` (the master's subprocess.Popen) and `config` (text)."""

    port: int
    process: subprocess.Popen
    config: str

    @property
    def url(self):
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


def nginx(stage, server, http="", port=0, name="nginx"):
    """Start NGINX on a `Stage` and return it (an `Nginx`) once it listens, on 127.0.0.1 only.

    server: what its one server block holds beside `listen`: locations, limit_req, auth_request.
    http: what the http block holds before that: upstreams, zones. Paths in both are relative to the lab's folder.
    port: the first to try; 0 takes any. name: of its config and log, where a lab runs several: NAME.conf, NAME.log.
    LabError with NGINX's own words where it does not start.
    """
    program = find_program("nginx")
    if program is None:
        raise LabError("NGINX is not installed on this machine. `lab.ready('NGINX')` says how to get it.")
    with in_words("NGINX could not be started"):
        port = stage.reserve_port(port)
        config = CONFIG.format(user=_user(), http=http, server=server, port=port).replace("nginx.pid", f"{name}.pid")
        (stage.folder / f"{name}.conf").write_text(config)
        process = stage.start([program, *_errors_to_log(program), "-p", f"{stage.folder}/", "-c", f"{name}.conf"],
                              log=f"{name}.log")
        stage.wait_until_listening(process, port)
    return Nginx(port, process, config)


def _user():
    """As root its worker would become another user, who may not read the folder; others stay who they are."""
    return f"user root {grp.getgrgid(0).gr_name};\n" if os.geteuid() == 0 else ""


def _errors_to_log(program):
    """Before it has read its configuration it logs to a system folder, unless told otherwise (from 1.19.5 on)."""
    usage = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=10)
    return ["-e", "stderr"] if "-e filename" in usage.stdout + usage.stderr else []
