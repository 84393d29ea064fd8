"""What `python -m tools.bench` measures: one module for each question, and the programs that we compare with."""
