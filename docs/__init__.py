"""The documentation, and the scripts that make and check what in it can be made and checked."""
