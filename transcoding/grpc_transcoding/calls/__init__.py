"""Calling a method: contexts, interceptors, servicers in this process, and remote servers."""
