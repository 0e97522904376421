"""Asking an authorization server: bounded in time and in size, and never in the clear.

Spec: RFC 9110; RFC 6749, section 1.6
"""

import asyncio
import functools
import ipaddress
import json
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

MAX_BYTES = 256 * 1024


class FetchError(Exception):
    """There is no usable answer; the message says why, for the log."""


def check_url(what: str, url: str) -> None:
    """Refuses a URL over which keys or tokens could be read or changed on their way.

    Raises:
        ValueError: it is not HTTPS, nor HTTP of this machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return
    raise ValueError(f"{what} {url!r} is not https://..., nor http:// on loopback")


async def fetch_json(
    url: str,
    *,
    seconds: float,
    form: Mapping[str, str] | None = None,
    credentials: tuple[str, str] | None = None,
) -> object:
    """Returns the JSON behind a URL.

    Args:
        url: see `check_url`.
        seconds: how long all of it may take.
        form: is posted, where the URL is not just read.
        credentials: who asks, and their password.

    Raises:
        FetchError: it is late, large, no JSON, or another status than 200.
    """
    try:
        async with asyncio.timeout(seconds):
            raw = await _fetch(url, form, credentials)
    except TimeoutError:
        raise FetchError(f"{url} did not answer within {seconds:g} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        raise FetchError(f"{url} cannot be asked: {type(error).__name__}") from error
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise FetchError(f"{url} answered with something that is no JSON") from None


async def _fetch(
    url: str, form: Mapping[str, str] | None, credentials: tuple[str, str] | None
) -> bytes:
    # A client for each question: they are rare, and belong to whichever loop runs.
    async with (
        httpx.AsyncClient(verify=_tls(), timeout=None, trust_env=False) as client,  # noqa: S113 - the caller's
        client.stream(
            "GET" if form is None else "POST",
            url,
            data=form,
            auth=httpx.USE_CLIENT_DEFAULT if credentials is None else credentials,
            headers={"accept": "application/json", "accept-encoding": "identity"},
            follow_redirects=False,
        ) as reply,
    ):
        if reply.status_code != httpx.codes.OK:
            raise FetchError(f"{url} answered with status {reply.status_code}")
        body = bytearray()
        async for chunk in reply.aiter_raw(16 * 1024):
            body += chunk
            if len(body) > MAX_BYTES:
                raise FetchError(f"{url} answered with more than {MAX_BYTES} bytes")
        return bytes(body)


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # which takes long to make, and is the same for all


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
