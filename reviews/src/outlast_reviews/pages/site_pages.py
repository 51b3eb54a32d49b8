"""The pages about the site: what it is, how it judges, what it keeps, and whom to write to."""

from outlast import Outlast, PageView, message, plural
from outlast_reviews.known_reviewers import RETENTION
from outlast_reviews.method import method
from outlast_reviews.pages.page import render_page
from outlast_reviews.settings import ReviewSettings

ABOUT, METHOD, PRIVACY, CONTACT = "about", "method", "privacy", "contact"


def add_pages(outlast: Outlast, settings: ReviewSettings) -> None:
    """Add the pages to the site; that of the contact only if the settings have one."""
    model = settings.llm_model

    def about(view: PageView) -> str:
        return render_page("about.html", view.language)

    def judging(view: PageView) -> str:
        return render_page("how_we_judge.html", view.language, method=method(), model=model)

    def privacy(view: PageView) -> str:
        marks_days = RETENTION.days + _until_cleanup(outlast) // 24
        return render_page("privacy.html", view.language, kept=kept(outlast), marks_days=marks_days, model=model)

    outlast.page(ABOUT, title=message("About"))(about)
    outlast.page(METHOD, title=message("How we judge"))(judging)
    outlast.page(PRIVACY, title=message("Privacy"))(privacy)
    if contact := settings.contact:
        address = contact if "://" in contact else f"mailto:{contact}"

        def to_us(view: PageView) -> str:
            return render_page("contact.html", view.language, contact=contact, address=address)

        outlast.page(CONTACT, title=message("Contact"))(to_us)


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
    if hours >= 24 and hours % 24 == 0:
        return plural("a day", "{n:,} days", int(hours // 24))
    return message("an hour") if hours == 1 else message("{hours} hours", hours=f"{hours:,g}")
