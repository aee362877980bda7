"""What an editor sees first: what is due, what went out, how late, who joined and left, and what is wrong."""
