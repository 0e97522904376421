"""Self-made certificates, good for one test run."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


class Authority:
    """A certificate authority that signs whatever it is asked for.

    Attributes:
        certificate: its own certificate, PEM.
    """

    def __init__(self, *, valid=(-1, 1)):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        certificate = self._sign(self._name, self._key, authority=True, valid=valid)
        self.certificate = certificate.public_bytes(PEM)

    def issue(self, *, name="localhost", password=None, valid=(-1, 1), key=None):
        """A certificate for localhost and its private key, both PEM.

        Args:
            name: whose it is.
            password: what the key is encrypted with.
            valid: from when to when, in hours from now.
            key: theirs; by default one of the curve P-256.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        encryption = (
            serialization.BestAvailableEncryption(password)
            if password
            else serialization.NoEncryption()
        )
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)
        certificate = self._sign(subject, key, authority=False, valid=valid)
        return certificate.public_bytes(PEM), private

    def _sign(self, subject, key, *, authority, valid):
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(hours=valid[0]))
            .not_valid_after(now + datetime.timedelta(hours=valid[1]))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )
