"""The commands that the product adds to `outlast`, by the entry point `outlast.commands`."""

COMMANDS = {
    "analyse": ("outlast_reviews.cli.analyse:analyse", "Judge the reviews in a file or at an address."),
    "reviews": (
        "outlast_reviews.cli.reviews:reviews",
        "Scan a shop's products; verify evidence; measure the checks.",
    ),
}
"""By name: where the command is, and its line in `outlast --help`."""
