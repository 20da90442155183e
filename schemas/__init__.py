"""What is said on the wire: the leaf package, imported by everything and importing nothing of ours."""
