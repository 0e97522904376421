"""What of a client's text is said back to it."""

MAX_CHARACTERS = 100
"""How much is shown: an error travels in gRPC's trailing metadata, of which 8 KiB are usual."""


def excerpt(text: str) -> str:
    """Returns the text, or its beginning and its length if it is a long one."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}... ({len(text)} characters)"
