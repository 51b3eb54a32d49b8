"""Sessions that follow a run: which rows of runs a reader needs to show them, for every database."""

from collections.abc import Iterable, Sequence

from outlast.domain.session import AnalysisSession, with_progress_of


def runs_followed(sessions: Iterable[AnalysisSession]) -> list[str]:
    """Return the runs that these sessions follow."""
    return list({s.run_id for s in sessions if s.follows and s.run_id is not None})


def with_runs(
    sessions: Sequence[AnalysisSession], runs: Iterable[AnalysisSession]
) -> tuple[list[AnalysisSession], list[str]]:
    """Return the sessions with the progress of their runs, and those that have ended between the two reads."""
    by_id = {run.id: run for run in runs}
    shown: list[AnalysisSession] = []
    ended: list[str] = []
    for session in sessions:
        run = by_id.get(session.run_id or "") if session.follows else None
        if session.follows and (run is None or run.status.final):
            ended.append(session.id)
        shown.append(session if run is None else with_progress_of(session, run))
    return shown, ended


def with_ended(sessions: Iterable[AnalysisSession], ended: Iterable[AnalysisSession]) -> list[AnalysisSession]:
    """Return the sessions with those in place that were read once more."""
    by_id = {session.id: session for session in ended}
    return [by_id.get(session.id, session) for session in sessions]
