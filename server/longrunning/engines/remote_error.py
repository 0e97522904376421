"""An exception that was raised in another process."""


class _RemoteTraceback(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


class RemoteError(Exception):
    """What a handler raised in its process, and clients do not see.

    Args:
        text: the traceback as it was printed there; it becomes the cause, so that logs show it.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text.rstrip().rpartition("\n")[2])
        self.__cause__ = _RemoteTraceback(text)
