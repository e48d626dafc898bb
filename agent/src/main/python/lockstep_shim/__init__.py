"""The shim: the small parent of torchrun on a GPU host (Python standard library only)."""
