"""The command line: one file per noun; what a command needs is imported when it runs."""
