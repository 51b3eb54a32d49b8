"""Facts beside the verdict that help a reader to judge it: comparisons, histories, and what is missing."""
