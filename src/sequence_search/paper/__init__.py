"""The paper's results, made again."""
