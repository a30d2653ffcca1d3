"""A vault without signkit: the very lines of SIGN.txt are run by the tools themselves.

Each tool is skipped where it is not installed (Debian: openssl, minisign, signify-openbsd,
openssh-client, opensc with softhsm2).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import Machine, Ran
from tests.support.softhsm import PIN, make_softhsm


@pytest.fixture
def desk(tmp_path: Path) -> Machine:
    """A desk with a request, its messages in `out`, and a key that openssl made in `key.pem`."""
    made = Machine(tmp_path)
    made.write("model.bin", b"Hello, Binary\n")
    run(made, "openssl", "genpkey", "-algorithm", "Ed25519", "-out", "key.pem")
    run(made, "openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "prod.pub.pem")
    made.prepare("model.bin", "--export-payloads", "out")
    return made


def run(desk: Machine, tool: str, *arguments: str, **environment: str) -> None:
    """Run a tool in the folder of the desk."""
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}")
    ran = subprocess.run(
        [tool, *arguments],
        cwd=desk.folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()


def follow(desk: Machine, tool: str, words: dict[str, str], *more: str, **environment: str) -> None:
    """Run every line of the page that begins with a tool, our words in the place of the capitals."""
    page = (desk.folder / "out" / "SIGN.txt").read_text()
    lines = [line for line in page.splitlines() if line.startswith(f"{tool} ")]
    assert len(lines) == 2
    inside = Machine(desk.folder / "out")
    for line in lines:
        _tool, *arguments = (words.get(word, word) for word in shlex.split(line))
        run(inside, tool, *arguments, *more, **environment)


def convert(desk: Machine, form: str, name: str) -> None:
    to = ("--to", form, "--out", name, "--plain", "--reveal-private")
    desk.ok("keys", "convert", "key.pem", *to)
    (desk.folder / name).chmod(0o600)


def taken(desk: Machine) -> Ran:
    return desk.run("import-signatures", "model.request.json", "out", "--key", "prod.pub.pem", "--json")  # fmt: skip


def forms(ran: Ran) -> set[tuple[str, bool]]:
    return {(each["form"], each["verified"]) for each in ran.json["messages"]}


def verified(desk: Machine) -> bool:
    where = ("--key", "prod.pub.pem", "--response", "model.combined.json")
    return desk.run("verify", "model.bin", *where).code == 0


def test_openssl(desk: Machine) -> None:
    follow(desk, "openssl", {"KEY": "../key.pem"})
    assert forms(taken(desk)) == {("raw", True)}
    assert verified(desk)


def test_openssl_all_at_once(desk: Machine) -> None:
    page = (desk.folder / "out" / "SIGN.txt").read_text()
    loop = page.partition("All messages:\n\n")[2].partition("\n\n")[0]
    script = loop.replace("-inkey KEY", "-inkey ../key.pem")
    run(Machine(desk.folder / "out"), "sh", "-eu", "-c", script)
    assert forms(taken(desk)) == {("raw", True)}
    assert verified(desk)


def test_minisign(desk: Machine) -> None:
    convert(desk, "minisign", "minisign.key")
    follow(desk, "minisign", {"KEY": "../minisign.key"}, "-W")
    assert forms(taken(desk)) == {("minisign", True)}
    assert verified(desk)


def test_pkcs11_tool(desk: Machine) -> None:
    hsm = make_softhsm(desk.folder / "hsm")
    hsm.put(desk.folder / "key.pem", "prod")
    words = {"MODULE": str(hsm.module), "LABEL": "prod"}
    follow(desk, "pkcs11-tool", words, "--pin", PIN, **hsm.environment)
    assert forms(taken(desk)) == {("raw", True)}
    assert verified(desk)


def test_signify(desk: Machine) -> None:
    convert(desk, "signify", "prod.sec")
    for message in sorted((desk.folder / "out").glob("*.msg")):
        run(desk, "signify-openbsd", "-S", "-s", "prod.sec", "-m", f"out/{message.name}", "-x", f"out/{message.stem}.sig")  # fmt: skip
    assert forms(taken(desk)) == {("signify", True)}
    assert verified(desk)


def test_minisign_prehashed_is_told_what_to_do(desk: Machine) -> None:
    convert(desk, "minisign", "minisign.key")
    for message in sorted((desk.folder / "out").glob("*.msg")):
        run(desk, "minisign", "-S", "-W", "-s", "minisign.key", "-m", f"out/{message.name}")
    ran = taken(desk)
    assert (ran.code, forms(ran)) == (4, {("minisign prehashed", False)})
    assert all("key and message are right" in each["problem"] for each in ran.json["messages"])
    assert "minisign -S -l" in ran.error["error"]


def test_ssh_keygen_is_told_what_to_do(desk: Machine) -> None:
    convert(desk, "openssh", "ssh.key")
    for message in sorted((desk.folder / "out").glob("*.msg")):
        run(desk, "ssh-keygen", "-Y", "sign", "-n", "file", "-f", "ssh.key", f"out/{message.name}")
    ran = taken(desk)
    assert (ran.code, forms(ran)) == (4, {("sshsig", False)})
    assert all("key and message are right" in each["problem"] for each in ran.json["messages"])
    assert "openssl" in ran.error["error"]
