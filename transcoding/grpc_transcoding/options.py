"""How a transcoder deals with what the rules leave open; the strict choice is the default."""

from __future__ import annotations

from dataclasses import dataclass, field

from grpc_transcoding.limits import Limits
from grpc_transcoding.path_templates import Unescape


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a Transcoder.

    Attributes:
        ignore_unknown_query: Query parameters that are no field are passed over.
        ignore_unknown_body: Members of a JSON body that are no field are passed over.
        credentials_in_query: `key`, `quotaUser` and `access_token` are taken from the query.
        unescape: What a multi-segment capture decodes, if no service file says otherwise.
        print_defaults: Replies hold fields without presence that have their default.
        proto_names: Replies hold `snake_case` names.
        enums_as_numbers: Replies hold numbers in place of enum names.
        www_authenticate: The challenge of a 401 when the servicer sends none.
        limits: What a request may cost.
    """

    ignore_unknown_query: bool = False
    ignore_unknown_body: bool = False
    credentials_in_query: bool = False
    unescape: Unescape = Unescape.ALL_BUT_SLASH
    print_defaults: bool = False
    proto_names: bool = False
    enums_as_numbers: bool = False
    www_authenticate: str = "Bearer"
    limits: Limits = field(default_factory=Limits)
