"""The notifier of installations whose machines share a Redis."""
