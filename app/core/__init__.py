"""Pure: no I/O, no clock, no logging, no hidden randomness.  Time and seeds are arguments."""
