"""What callers may cost a serving process before they are refused."""

from dataclasses import dataclass

import grpc_transcoding

MESSAGE_BYTES = 4 * 1024 * 1024
"""What every client of gRPC takes by default, and what a page of a list fits into."""

_SECOND = 1000  # gRPC counts milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportLimits:
    """Limits of messages, connections and waiters; all but those of waiters are of one port.

    Attributes:
        message_bytes: of a gRPC message either way (RESOURCE_EXHAUSTED), and of a request's body
            over HTTP (413); at least 4 MiB, which pages of lists may come close to.
        header_bytes: of the metadata of a call (RESOURCE_EXHAUSTED), or of all headers (431).
        connections: further ones are closed as they come.
        waiters: how many calls of WaitOperation may wait at a time.
        waiters_per_caller: the same, of one caller.
        head_seconds: how long a TLS handshake of gRPC, or the head of an HTTP request, may take.
        pause_seconds: how long a client may pause in the body of a request over HTTP.
        idle_seconds: how long an HTTP connection without a request is kept.
        idle_channel_seconds: the same, of a gRPC connection without a call.
        silence_seconds: after how long without a word a gRPC client is asked whether it is there.
        answer_seconds: how long it may take to say so.
        ping_seconds: how often a gRPC client may ping a connection on which nothing else is sent.

    Raises:
        ValueError: `message_bytes` is less than 4 MiB.
    """

    message_bytes: int = MESSAGE_BYTES
    header_bytes: int = 16 * 1024
    connections: int = 20_000
    waiters: int = 10_000
    waiters_per_caller: int = 1_000
    head_seconds: float = 20.0
    pause_seconds: float = 20.0
    idle_seconds: int = 75
    idle_channel_seconds: float = 15 * 60.0
    silence_seconds: float = 60.0
    answer_seconds: float = 20.0
    ping_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.message_bytes < MESSAGE_BYTES:
            raise ValueError(
                f"message_bytes is {self.message_bytes}: expected {MESSAGE_BYTES} or more"
            )

    @property
    def of_requests(self) -> grpc_transcoding.Limits:
        """Those of a transcoder."""
        return grpc_transcoding.Limits(
            body_bytes=self.message_bytes, header_bytes=self.header_bytes
        )

    @property
    def grpc_options(self) -> tuple[tuple[str, int], ...]:
        """Those of a gRPC server, as it is given them.

        Spec: grpc/impl/channel_arg_names.h; gRFC A8 and A9
        """
        return (
            ("grpc.max_receive_message_length", self.message_bytes),
            ("grpc.max_send_message_length", self.message_bytes),
            # Between the first and the second the core refuses at random.
            ("grpc.max_metadata_size", self.header_bytes),
            ("grpc.absolute_max_metadata_size", self.header_bytes),
            ("grpc.max_allowed_incoming_connections", self.connections),
            ("grpc.server_handshake_timeout_ms", round(self.head_seconds * _SECOND)),
            # A client may keep a parked call, and the way to its next one, open: A8 has it ping
            # every 10 seconds at most. By default one ping in 5 minutes too many ends a connection.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", round(self.ping_seconds * _SECOND)),
            ("grpc.http2.max_ping_strikes", 2),
            # Clients that are gone without a word are found out, and their waiters freed.
            ("grpc.keepalive_time_ms", round(self.silence_seconds * _SECOND)),
            ("grpc.keepalive_timeout_ms", round(self.answer_seconds * _SECOND)),
            # The core waits for the answer to a ping by a limit of its own, a minute.
            ("grpc.http2.ping_timeout_ms", round(self.answer_seconds * _SECOND)),
            ("grpc.max_connection_idle_ms", round(self.idle_channel_seconds * _SECOND)),
        )


DEFAULT_LIMITS = TransportLimits()
