"""The optional judge: a language model that reads the texts, whose answers change the verdict little."""
