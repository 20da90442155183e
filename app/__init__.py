"""The application: a pure core, ports, adapters around it, a page, a command line."""
