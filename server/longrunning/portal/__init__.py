"""Operations for code that is not async: the same object, on an event loop in a thread."""

from longrunning.portal.portal import BlockingView, Portal

__all__ = ["BlockingView", "Portal"]
