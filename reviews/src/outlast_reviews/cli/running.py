"""Runs the product analysis in the terminal, on a temporary store that no installation shares."""

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from outlast import (
    AnalysisFailed,
    AnalysisHandle,
    AnalysisSession,
    InvalidInput,
    Outlast,
    OutlastError,
    SessionHandle,
    SettingsError,
)
from outlast_reviews.analysis import register
from outlast_reviews.cli.questions import Answer, how_to_answer, unanswered
from outlast_reviews.evidence.files import make_folder
from outlast_reviews.evidence.keys import InstallationKey, existing_key, installation_key
from outlast_reviews.invented import SAMPLE
from outlast_reviews.sanitising import sanitised
from outlast_reviews.settings import review_settings
from outlast_reviews.sources.formats.columns import Part
from outlast_reviews.sources.questions import ALL

Show = Callable[[float, str], None]
"""Called with the percentage done and the step at work."""

_ADDRESS = re.compile(r"(?:[\w-]{1,63}\.){1,5}[a-z]{2,20}/|www\.", re.IGNORECASE)


def options(mapping: Mapping[Part, str], product: str | None) -> Mapping[str, Any]:
    """The input of the analysis besides its source."""
    given: dict[str, Any] = {"mapping": mapping} if mapping else {}
    if product is not None:
        given["only"] = {"product": ALL if product.lower() == "all" else product}
    return given


async def judge(
    sources: Sequence[str], given: Mapping[str, Any], show: Show, answer: Answer = unanswered
) -> Mapping[str, Any]:
    """Return the result of one analysis. Raises `OutlastError` with a sentence for the user."""
    with tempfile.TemporaryDirectory(prefix="outlast-") as folder:
        outlast = Outlast()
        # a temporary store with its own limits: never touch an installation
        outlast.configure(
            data_dir=folder,
            database_url="sqlite:///outlast.db",
            queue_connection="database",
            async_enabled=True,
            max_upload_mb=2000,
        )
        product = register(outlast)
        async with outlast.lifespan(workers=1):
            references = [s if is_address(s) else repr(await _upload(outlast, Path(s))) for s in sources]
            source = references[0] if len(references) == 1 else references
            return await _follow(await _start(product, source, given, answer), show, answer)


def is_address(source: str) -> bool:
    """Whether the source is no file: an address, or the invented sample."""
    return "://" in source or source == SAMPLE


def explained(error: OutlastError, sources: Sequence[str]) -> str:
    """The error in sentences that name the source and end with the options that answer its questions."""
    if isinstance(error, SettingsError):
        return str(error)
    answer = how_to_answer(error.questions, sources) if isinstance(error, InvalidInput) else ""
    text = f"{_source_prefix(str(error), sources)}{error}{answer}"
    return "\n".join(sanitised(line) for line in text.split("\n"))  # it may quote a file


def progress_bar() -> Progress:
    """A bar on stderr that disappears at its end; nothing where stderr is no terminal, as under cron."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def key_for_evidence(folder: Path | None) -> InstallationKey | None:
    """Return the key of the installation that the environment describes, and make the folder; `None` without one.

    Raises `InvalidInput` or `SettingsError`.
    """
    if folder is None:
        return None
    key = installation_key(Outlast().settings.data_path, _key_setting())
    make_folder(folder)
    return key


def own_public_key() -> str | None:
    """The public key of the installation that the environment describes; `None` if it has none yet."""
    key = existing_key(Outlast().settings.data_path, _key_setting())
    return key and key.public


def _key_setting() -> str | None:
    given = review_settings().evidence_key
    return given.get_secret_value() if given else None


def _source_prefix(sentence: str, sources: Sequence[str]) -> str:
    """Prefix for an error that does not name its source; with several sources it does."""
    named = len(sources) > 1 or sentence.startswith(sources[0])
    return "" if named else f"{sources[0]}: "


async def _upload(outlast: Outlast, path: Path) -> Any:
    try:
        if path.stat().st_size == 0:  # noqa: ASYNC240 - nothing else runs on the loop yet
            raise InvalidInput(f"{path}: The file is empty.")
        with path.open("rb") as file:
            return await outlast.upload(file, path.name)
    except IsADirectoryError:
        raise InvalidInput(f"{path}: This is a folder. Name the files in it.") from None
    except FileNotFoundError:
        hint = " If it is an address, begin it with https://." if _ADDRESS.match(str(path)) else ""
        raise InvalidInput(f"{path}: There is no such file.{hint}") from None
    except OSError as error:
        raise InvalidInput(f"{path}: It cannot be opened: {error.strerror}.") from None


async def _start(
    product: AnalysisHandle[..., dict[str, Any]], source: Any, given: Mapping[str, Any], answer: Answer
) -> SessionHandle[dict[str, Any]]:
    more: dict[str, Any] = dict(given)
    while True:
        try:
            return await product.start(source=source, **more)
        except InvalidInput as error:
            field = error.faults[0][0].removeprefix("/")
            given_before = more.get(field, {})
            answers = answer(str(error), error.questions)
            if not _say_more(answers, given_before):
                raise
            more[field] = {**given_before, **answers}


async def _follow(session: SessionHandle[dict[str, Any]], show: Show, answer: Answer) -> Mapping[str, Any]:
    answered: dict[str, str] = {}
    while True:
        async for view in session:
            show(view.session.progress.percentage, _at_work(view.session))
        try:
            return await session.result()
        except AnalysisFailed as failed:
            answers = answer(failed.message, failed.questions)
            if not _say_more(answers, answered):
                raise InvalidInput(failed.message, questions=failed.questions) from None
            answered |= answers
            await session.answer(answers)


def _say_more(answers: Mapping[str, str], before: Mapping[str, str]) -> bool:
    """Whether there is an answer that was not given before; without one, the same would be asked for ever."""
    return not answers.items() <= before.items()


def _at_work(session: AnalysisSession) -> str:
    active = [s.title for s in session.progress.steps if s.status == "active"]
    return active[-1] if active else "Waiting"
