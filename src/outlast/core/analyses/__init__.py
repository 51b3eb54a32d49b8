"""What a program declares and calls: analyses, steps, inputs, uploads, facts, and the context of an attempt."""
