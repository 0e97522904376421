"""The command `lro`: serve an app, and look after operations on any server that has them.

Nothing is imported until a command needs it: `app` holds the table of commands, each module beside
it declares one command or one part that they share.
"""

import sys


def main() -> None:
    """Run `lro` with the process's arguments and exit with its code."""
    from longrunning.commands.app import run  # noqa: PLC0415 - `import longrunning.commands` is free

    sys.exit(run(sys.argv[1:]))
