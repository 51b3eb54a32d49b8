"""File formats, recognised by content: what turns bytes into reviews."""
