"""The pages about the site: what it is, how it judges, what it keeps, and whom to write to."""

from collections.abc import Callable
from functools import partial

from outlast import Outlast, PageView
from outlast_reviews.known_reviewers import RETENTION
from outlast_reviews.method import method
from outlast_reviews.pages.page import render_page
from outlast_reviews.settings import ReviewSettings

ABOUT, METHOD, PRIVACY, CONTACT = "about", "method", "privacy", "contact"


def add_pages(outlast: Outlast, settings: ReviewSettings) -> None:
    """Add the pages to the site; that of the contact only if the settings have one."""
    model = settings.llm_model
    pages = {
        ABOUT: ("About", lambda: render_page("about.html")),
        METHOD: ("How we judge", lambda: render_page("how_we_judge.html", method=method(), model=model)),
        PRIVACY: ("Privacy", lambda: _privacy(outlast, model)),
    }
    if contact := settings.contact:
        address = contact if "://" in contact else f"mailto:{contact}"
        pages[CONTACT] = ("Contact", lambda: render_page("contact.html", contact=contact, address=address))
    for name, (title, render) in pages.items():
        outlast.page(name, title=title)(partial(_rendered, render))


def _rendered(render: Callable[[], str], view: PageView) -> str:  # noqa: ARG001 - the same for everybody
    return render()


def _privacy(outlast: Outlast, model: str | None) -> str:
    marks_days = RETENTION.days + _until_cleanup(outlast) // 24
    return render_page("privacy.html", kept=kept(outlast), marks_days=marks_days, model=model)


def _until_cleanup(outlast: Outlast) -> int:
    """Hours that what has expired may wait for the clean-up of the next day; without it, less than one."""
    return 24 if outlast.settings.cleanup_at else 0


def kept(outlast: Outlast) -> dict[str, str]:
    """How long uploads and reports are kept until the clean-up, in words."""
    settings = outlast.settings
    until_cleanup = _until_cleanup(outlast)
    return {
        "uploads": duration(settings.upload_retention_hours + until_cleanup),
        "reports": duration(settings.result_retention_hours + until_cleanup),
    }


def duration(hours: float) -> str:
    """As "30 days", "a day" or "12 hours"."""
    if hours >= 48 and hours % 24 == 0:
        return f"{hours / 24:,.0f} days"
    if hours == 24:
        return "a day"
    return "an hour" if hours == 1 else f"{hours:,g} hours"
