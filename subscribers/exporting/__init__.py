"""Readers, messages and how far readers come, as files: what is in them, how they are written, when they are made."""
