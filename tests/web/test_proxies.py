"""Real reverse proxies before the pages, set up as the how-to says, but for TLS: who is believed, and who is not."""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from filiation.catalogue.views import read_views
from filiation.web.access.rules import Rules
from filiation.web.access.settings import PROXY, AccessSettings, ProxySettings
from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.waiting import wait_until
from tests.web.conftest import Catalogue, make_catalogue, serving

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "serve-an-institute.md"
NAME = "filiation.example.org"
SETTINGS = f"""
[access]
kind = "proxy"
hosts = ["{NAME}"]
[access.roles]
viewer = ["user:ada", "user:bob"]
auditor = ["group:auditors", "user:mallory"]
[proxy]
from = ["unix"]
"""
PASSWORDS = {"ada": "pass of ada", "bob": "pass of bob", "eve": "pass of eve"}
SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
MODULES = (
    "mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "headers", "proxy", "proxy_http",
)  # fmt: skip


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Give a folder that the account of a proxy may enter, too."""
    folder = Path(tempfile.mkdtemp(prefix="proxies-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def catalogue(place: Path) -> Catalogue:
    return make_catalogue(place / "project")


@pytest.fixture(scope="module")
def unix_socket(place: Path, catalogue: Catalogue) -> Iterator[Path]:
    """Serve at a unix socket, as the unit of the how-to does."""
    (place / "serve.toml").write_text(SETTINGS)
    listening = place / "pages.sock"
    command = [sys.executable, "-m", "filiation", "serve", "--settings", str(place / "serve.toml"), "--json"]
    command += ["--unix", str(listening), "--no-browser", "--processes", "1", "--catalogue", str(catalogue.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = "".join(iter(server.stdout.readline, "}\n")) + "}"
        assert json.loads(told)["address"] == f"unix:{listening}"
        assert stat.S_IMODE(listening.stat().st_mode) == 0o660
        if os.getuid() == 0:
            os.chown(listening, -1, grp.getgrnam("www-data").gr_gid)  # the group that the unit names
        yield listening
        server.terminate()


def documented(language: str) -> str:
    """Return the configuration that the how-to shows."""
    begin = {"nginx": "server {", "apache2": "<VirtualHost"}[language]
    blocks = re.findall(r"```text\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    return next(block for block in blocks if block.startswith(begin))


def without_tls(configuration: str) -> str:
    return "".join(line for line in configuration.splitlines(keepends=True) if not re.search(r"(?i)\bssl_?\w*", line))


def nginx(place: Path, listening: Path, port: int) -> list[str]:
    """Write nginx's configuration, and return the command that starts it."""
    server = without_tls(documented("nginx").replace("listen 443 ssl;", f"listen 127.0.0.1:{port};"))
    server = server.replace("/run/filiation/pages.sock", str(listening))
    server = server.replace("/etc/nginx/filiation.htpasswd", str(place / "htpasswd"))
    folder = place / "nginx"
    folder.mkdir(exist_ok=True)
    kept = "".join(f"{name}_temp_path {folder};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user www-data;\n" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{kept}{server}}}\n"
    )
    return ["-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def apache2(place: Path, listening: Path, port: int) -> list[str]:
    """Write Apache's configuration, and return the command that starts it."""
    server = without_tls(documented("apache2").replace("*:443", f"127.0.0.1:{port}"))
    server = server.replace("/run/filiation/pages.sock", str(listening))
    server = server.replace("/etc/apache2/filiation.htpasswd", str(place / "htpasswd"))
    folder = place / "apache"
    folder.mkdir(exist_ok=True)
    loaded = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
    user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
    (folder / "apache.conf").write_text(
        f"{loaded}{user}ServerRoot {folder}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {folder}/pid\n"
        f"DefaultRuntimeDir {folder}\nErrorLog {folder}/log\n{server}"
    )
    return ["-f", str(folder / "apache.conf"), "-DFOREGROUND"]


@contextmanager
def started(
    program: str, configured: Callable[[Path, Path, int], list[str]], place: Path, listening: Path
) -> Iterator[str]:
    """Start a proxy on a free port, and give its address; whoever takes the port first, it takes another."""
    found = shutil.which(program, path=SBIN)
    if found is None:
        pytest.skip(f"{program} is not installed: tests/web/install_proxies.sh installs it")
    for _ in range(5):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        with subprocess.Popen([found, *configured(place, listening, port)]) as proxy:
            try:
                wait_until(lambda: proxy.poll() is not None or answers(port), f"{program} answers")  # noqa: B023
                if proxy.poll() is None:
                    yield f"http://127.0.0.1:{port}"
                    return
            finally:
                proxy.terminate()
    pytest.fail(f"{program} does not start")


def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("program", "configured"), [("nginx", nginx), ("apache2", apache2)])
def test_a_proxy_set_up_as_the_how_to_says_is_believed_and_what_browsers_say_is_not(
    program: str,
    configured: Callable[[Path, Path, int], list[str]],
    place: Path,
    catalogue: Catalogue,
    unix_socket: Path,
) -> None:
    hashed = {who: base64.b64encode(hashlib.sha1(word.encode()).digest()).decode() for who, word in PASSWORDS.items()}
    (place / "htpasswd").write_text("".join(f"{who}:{{SHA}}{digest}\n" for who, digest in hashed.items()))
    with (
        started(program, configured, place, unix_socket) as address,
        httpx2.Client(base_url=address, headers={"Host": NAME}, timeout=60, trust_env=False) as browser,
    ):
        ada, eve = (httpx2.BasicAuth(who, PASSWORDS[who]) for who in ("ada", "eve"))
        assert browser.get("/").status_code == 401
        assert browser.get("/", auth=httpx2.BasicAuth("ada", "guessed")).status_code == 401
        home = browser.get("/", auth=ada)
        assert home.status_code == 200
        assert "You look as ada." in home.text
        assert "End the session" not in home.text
        assert home.headers["strict-transport-security"] == "max-age=31536000"
        assert "default-src 'none'" in home.headers["content-security-policy"]
        assert browser.get("/", auth=eve).status_code == 403  # whom the proxy knows, and no rule names
        forged = [
            ("X-Remote-User", "mallory"),
            ("X-Remote-User", "mallory"),
            ("x-remote-groups", "auditors"),
            ("X-Remote-Name", "Mallory"),
            ("X-Forwarded-For", "192.0.2.99"),
        ]
        page = browser.get("/", auth=ada, headers=[("Host", NAME), *forged])
        assert page.status_code == 200
        assert "You look as ada." in page.text
        query = {"query": "SELECT * WHERE { ?s ?p ?o } LIMIT 1"}
        own = {"Origin": f"http://{NAME}", "Sec-Fetch-Site": "same-origin", "X-Remote-Groups": "auditors"}
        assert browser.post("/api/queries", data=query, auth=ada, headers=own).status_code == 403
        assert browser.get("/", headers=[("Host", NAME), *forged]).status_code == 401
        assert browser.get("/", auth=ada, headers={"Host": "evil.example"}).status_code == 421
        large = {"query": "x" * (1 << 20)}
        assert browser.post("/api/queries", data=large, auth=ada, headers=own).status_code == 413
        many = [browser.get("/api/runs", auth=ada).status_code for _ in range(20)]  # over kept connections
        assert many == [200] * 20
    views = read_views(catalogue.folder / ".filiation").views
    assert {view.address for view in views} == {"127.0.0.1"}
    assert {view.who for view in views} <= {"ada", None}


def test_who_reaches_the_pages_beside_the_proxy_is_nobody_whatever_they_say(web_catalogue: Catalogue) -> None:
    access = AccessSettings(PROXY, ProxySettings(unix=True), rules=Rules((("viewer", ("everyone",)),)))
    with serving(create_app(WebSettings(web_catalogue.folder, access=access))) as served:
        told = {"X-Remote-User": "ada", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}
        for headers in ({}, told):
            refused = httpx2.get(served.address, headers=headers, timeout=60)
            assert refused.status_code == 403
            assert "This server is reached through its proxy alone." in refused.text
