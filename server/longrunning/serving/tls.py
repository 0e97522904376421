"""TLS of a serving process, which follows its files: for gRPC and for HTTP."""

import asyncio
import contextlib
import datetime
import logging
import ssl
import time
from collections.abc import AsyncIterator

import grpc

from longrunning.serving.addresses import StartupError
from longrunning.serving.certificate_files import Certificate, CertificateFiles

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


class TLS:
    """The certificate that new connections get, the same one at all ports.

    Connections that are open keep the one that they were opened with.

    Args:
        files: where it is.

    Raises:
        StartupError: it cannot be used.
    """

    def __init__(self, files: CertificateFiles) -> None:
        self.files = files
        self.current = files.certificate()
        self.http_context: ssl.SSLContext = _CurrentContext(self)

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Returns credentials for one gRPC port."""
        served = self.current

        def changed() -> grpc.ServerCertificateConfiguration | None:
            # gRPC asks before each handshake, from threads of its own.
            nonlocal served
            if served is self.current:
                return None
            served = self.current
            return _configuration(served)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(served),
            changed,  # type: ignore[arg-type]  # None is no change, as it documents
            require_client_authentication=served.content.client_ca is not None,
        )

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Takes up what changes in the files for as long as it is entered."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _follow(self) -> None:
        # The content is compared: how files are replaced, by a link's swap or in place, is all one.
        complaint, warned = "", False
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                found = await asyncio.to_thread(self._changed)
            except StartupError as error:
                if complaint != str(error):
                    complaint = str(error)
                    _log.warning("%s; the certificate before it stays in use", error)
                continue
            complaint = ""
            if found:
                self.current, warned = found, False
                end = datetime.datetime.fromtimestamp(found.expires, datetime.UTC)
                _log.info("took up the certificate in %s, valid until %s", self.files.cert, end)
            elif self.current.expires < time.time() and not warned:
                warned = True
                _log.warning("the certificate in %s has expired: replace it", self.files.cert)

    def _changed(self) -> Certificate | None:
        if self.files.content() == self.current.content:
            return None
        return self.files.certificate()


class _CurrentContext(ssl.SSLContext):
    """Stands for the current context in a server that keeps the one that it was given.

    To change that one's certificate would not do: authorities can only be added to a context.
    """

    def __new__(cls, tls: TLS) -> "_CurrentContext":  # noqa: ARG004 - for __init__
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, tls: TLS) -> None:
        self._tls = tls

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Returns one end of a new connection."""
        context = self._tls.current.context
        return context.wrap_bio(incoming, outgoing, server_side, server_hostname, session)


def _configuration(certificate: Certificate) -> grpc.ServerCertificateConfiguration:
    content = certificate.content
    return grpc.ssl_server_certificate_configuration(
        [(content.key, content.chain)], root_certificates=content.client_ca
    )
