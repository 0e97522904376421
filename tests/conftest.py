"""What the whole suite shares."""

import os

# Read once, when gRPC is imported: its core writes to stderr of its own accord otherwise, in the
# middle of what a test captures.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
