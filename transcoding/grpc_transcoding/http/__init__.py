"""HTTP as an ASGI application sees it: requests, replies, streams and errors."""
