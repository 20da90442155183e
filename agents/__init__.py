"""Faust agents: decode, call the core, send.  The only package that imports faust."""
