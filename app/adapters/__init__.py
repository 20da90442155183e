"""Impure implementations of the ports: encoders, files, Kafka tools, Redis."""
