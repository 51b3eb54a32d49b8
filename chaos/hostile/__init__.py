"""Hostile analyses: one table of rows, which `chaos/menagerie.py` runs and `tests/` samples."""

from hostile import children, crashing, odd_errors, process_harm, raising, results, unstoppable
from hostile.row import Table

SECTIONS = {
    "Exits and leaked control": raising,
    "Code that does not stop": unstoppable,
    "Ends that are hard to name": odd_errors,
    "Child processes": children,
    "Results": results,
    "Deaths": crashing,
    "Harm to the process": process_harm,
}


def section_of() -> dict[str, str]:
    """The section of each row, by name."""
    found: dict[str, str] = {}
    for title, module in SECTIONS.items():
        table = Table()
        module.add_to(table)
        found |= dict.fromkeys(table.rows, title)
    return found


TABLE = Table()
for _module in SECTIONS.values():
    _module.add_to(TABLE)
ROWS = TABLE.rows
"""By name."""
