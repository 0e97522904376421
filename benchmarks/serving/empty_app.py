"""An app that has nothing to do but to start."""

from benchmarks.serving.checking import authenticator
from longrunning import App, MemoryStore, Operations

app = App(Operations(MemoryStore()), authenticator=authenticator())
