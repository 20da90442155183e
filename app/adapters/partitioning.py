"""Which partition a key belongs to: Kafka's own rule, so that replay and live agree."""

from aiokafka.partitioner import murmur2


def partition_of(key: str, partitions: int) -> int:
    """Partition of a key by murmur2, as Java clients and aiokafka choose it.

    >>> partition_of("user-1", 6) == partition_of("user-1", 6)
    True
    """
    hashed: int = murmur2(key.encode("utf-8", "replace"))
    return (hashed & 0x7FFFFFFF) % partitions
