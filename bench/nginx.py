"""The yardstick: nginx as a bare reverse proxy, one worker, nothing logged."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import processes, workload
from bench.errors import BenchError
from bench.targets import Target

# Connections to the upstream are kept, as every gateway worth comparing does. Buffering is off so that each chunk of a
# stream is passed on when it comes; for answers that fit one buffer it makes no difference.
_CONFIG = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    tcp_nodelay on;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    upstream bench {{
        server 127.0.0.1:{upstream_port};
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 300s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://bench;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def version() -> str:
    """Such as `nginx/1.22.1`. Raises BenchError where there is no nginx."""
    said = subprocess.run([_executable(), "-v"], capture_output=True, text=True, check=True).stderr
    return said.strip().removeprefix("nginx version: ")


@contextmanager
def proxy(upstream_port: int, work: Path, cores: processes.Cores) -> Iterator[Target]:
    """A running nginx in front of the upstream."""
    executable = _executable()
    folder = work / "nginx"
    folder.mkdir()
    port = processes.free_port()
    config = folder / "nginx.conf"
    # Started by root, nginx hands its worker to a user who may not enter the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(_CONFIG.format(folder=folder, user=user, port=port, upstream_port=upstream_port))
    log = work / "nginx.log"
    argv = [executable, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    with processes.running(processes.start(argv, log, cores=cores.proxy)) as process:
        processes.wait_for_200(port, "/v1/models", process, log)
        yield Target("nginx", port, "/v1" + workload.RESOURCE, process.pid)


def _executable() -> str:
    found = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BenchError("nginx, the yardstick of the benchmarks, is not installed (Debian: apt install nginx-light).")
    return found
