"""Files in the format GGUF, as far as they are read: a head, and so many bytes of weights."""

import struct
from typing import Any

SMALL = {
    "general.architecture": "qwen2",
    "qwen2.block_count": 28,
    "qwen2.embedding_length": 1536,
    "qwen2.attention.head_count": 12,
    "qwen2.attention.head_count_kv": 2,
}
"""What a model with 1.5 billion parameters says of itself."""


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(values: dict[str, Any] = SMALL, weights: int = 1000) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    for key, value in values.items():
        if isinstance(value, str):
            head += text(key) + struct.pack("<I", 8) + text(value)
        else:
            head += text(key) + struct.pack("<II", 4, value)
    return head + bytes(weights)
