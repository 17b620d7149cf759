"""Files in the format GGUF, as far as they are read: the first bytes, and so many others."""


def gguf(weights: int = 1000) -> bytes:
    return b"GGUF" + bytes(weights)
