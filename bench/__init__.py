"""The benchmark: what Text-Engine does in a second, beside what else could have been built. See README.md."""
