"""Readers who never were, with histories as real ones have, for trying the newsroom out and for measuring it.

lives.py invents histories, rows.py multiplies them in the database, trial.py says whom they may stand beside.
"""
