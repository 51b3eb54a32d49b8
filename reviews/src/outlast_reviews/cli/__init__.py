"""The commands that the product adds to `outlast`, by the entry point `outlast.commands`."""

COMMANDS = {
    "analyse": ("outlast_reviews.cli.analyse:analyse", "Judge the reviews in a file or at an address."),
    "reviews": ("outlast_reviews.cli.reviews:reviews", "Measure how well reviews are judged; print a sample."),
}
"""By name: where the command is, and its line in `outlast --help`."""
