"""`python -m longrunning.commands` is `lro`."""

from longrunning.commands import main

main()
