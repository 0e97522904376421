"""What of a certificate's files is refused, and in which words."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from longrunning.serving import CertificateFiles, StartupError
from tests.longrunning.commands.certificates import Authority

AUTHORITY = Authority()


def files(folder: Path) -> CertificateFiles:
    """Good files, to be spoilt."""
    chain, key = AUTHORITY.issue()
    made = CertificateFiles(cert=folder / "crt", key=folder / "key", client_ca=folder / "ca")
    for path, content in ((made.cert, chain), (made.key, key)):
        path.write_bytes(content)
    (folder / "ca").write_bytes(AUTHORITY.certificate)
    return made


def test_a_good_one_tells_when_it_expires(tmp_path: Path) -> None:
    certificate = files(tmp_path).certificate()
    assert certificate.expires == pytest.approx(time.time() + 3600, abs=60)
    assert certificate.content.client_ca == AUTHORITY.certificate


def expired(folder: Path) -> None:
    chain, key = AUTHORITY.issue(valid=(-2, -1))
    (folder / "crt").write_bytes(chain)
    (folder / "key").write_bytes(key)


def early(folder: Path) -> None:
    chain, key = AUTHORITY.issue(valid=(1, 2))
    (folder / "crt").write_bytes(chain)
    (folder / "key").write_bytes(key)


def damaged(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / name).read_bytes()
        (folder / name).write_bytes(text[:60] + b"!!!!" + text[64:])

    return spoil


def unusable(folder: Path) -> None:
    chain, key = AUTHORITY.issue(key=ec.generate_private_key(ec.SECP256K1()))
    (folder / "crt").write_bytes(chain)
    (folder / "key").write_bytes(key)


def a_folder(folder: Path) -> None:
    (folder / "key").unlink()
    (folder / "key").mkdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda at: (at / "crt").unlink(), "--tls-cert {crt} cannot be read: no such file or"),
        (lambda at: (at / "key").unlink(), "--tls-key {key} cannot be read: no such file or dir"),
        (lambda at: (at / "ca").unlink(), "--tls-client-ca {ca} cannot be read: no such file or"),
        (a_folder, "--tls-key {key} cannot be read: is a directory"),
        (
            lambda at: (at / "crt").write_bytes(b""),
            "--tls-cert {crt} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
        ),
        (
            lambda at: (at / "crt").write_bytes(b"\xff\x30"),
            "--tls-cert {crt} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
        ),
        (damaged("crt"), "--tls-cert {crt} holds a damaged certificate: expected PEM"),
        (
            lambda at: (at / "key").write_bytes((at / "crt").read_bytes()),
            "--tls-key {key} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)",
        ),
        (damaged("key"), "--tls-key {key} holds a damaged private key: expected PEM"),
        (
            lambda at: (at / "key").write_bytes(AUTHORITY.issue()[1]),
            "--tls-key {key} is not the private key of the certificate in --tls-cert {crt}",
        ),
        (
            lambda at: (at / "key").write_bytes(AUTHORITY.issue(password=b"x")[1]),
            "--tls-key {key} is encrypted: it is needed without a password",
        ),
        (expired, "--tls-cert {crt} has expired: renew it"),
        (early, "--tls-cert {crt} is not valid yet: wait for its time, or set the clock right"),
        (unusable, "--tls-cert {crt} does not work: "),
        (
            lambda at: (at / "ca").write_bytes(b"-----BEGIN"),
            "--tls-client-ca {ca} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
        ),
        (
            lambda at: (at / "ca").write_bytes(Authority(valid=(-2, -1)).certificate),
            "--tls-client-ca {ca} expired at ",
        ),
    ],
)
def test_a_fault_is_named_with_its_file(
    tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    made = files(tmp_path)
    spoil(tmp_path)
    with pytest.raises(StartupError) as refused:
        made.certificate()
    names = {name: tmp_path / name for name in ("crt", "key", "ca")}
    assert str(refused.value).startswith(message.format(**names))
    assert "\n" not in str(refused.value)


def test_files_that_are_replaced_while_they_are_checked_are_not_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = files(tmp_path)
    check, chain, key = CertificateFiles._check, *AUTHORITY.issue()

    def replaced_meanwhile(these: CertificateFiles, content: Any) -> object:
        (tmp_path / "crt").write_bytes(chain)
        (tmp_path / "key").write_bytes(key)
        return check(these, content)

    monkeypatch.setattr(CertificateFiles, "_check", replaced_meanwhile)
    assert made.certificate().content.chain == chain


def test_files_that_never_hold_still_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = files(tmp_path)
    read = CertificateFiles.content

    def replaced_meanwhile(these: CertificateFiles) -> object:
        content = read(these)
        (tmp_path / "ca").write_bytes(Authority().certificate)
        return content

    monkeypatch.setattr(CertificateFiles, "content", replaced_meanwhile)
    with pytest.raises(StartupError, match=r"changes while it is read"):
        made.certificate()
