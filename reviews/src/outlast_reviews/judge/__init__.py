"""The optional judge: a language model that reads the texts, and may say little about the verdict."""
