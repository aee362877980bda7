"""Where the readers of a story are: how many had each text, and after which they left.

counting.py counts rows, tallies.py keeps the counts of stories that very many read, figures.py says what they mean.
"""
