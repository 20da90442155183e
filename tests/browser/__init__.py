"""The browser tier: a package, so that its Chromium ends where it ends."""
