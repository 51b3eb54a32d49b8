"""The optional language model: it reads and judges the texts, and its answers change the verdict little."""
