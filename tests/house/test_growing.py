"""Every collection that lives as long as its process is listed here with its bound."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_tree import PACKAGES

GROWING = {"dict", "set", "list", "deque", "defaultdict", "Counter", "OrderedDict", "SimpleQueue", "Queue"}
CACHES = {"lru_cache", "cache"}
TESTS_ONLY = ("testing/", "backends/memory/")

BOUNDED_BY = {
    "cli/main.py cache": "the commands that are installed",
    "core/analyses/catalogue.py short_forms": "the analyses of the program",
    "core/analyses/catalogue.py pages": "the pages of the program",
    "web/page_templates.py _own_pages": "the pages of the program",
    "web/languages.py lru_cache": "HEADERS_KEPT times LONGEST",
    "web/page_templates.py _environments": "the languages of the program",
    "web/translations.py _catalogues": "the catalogues of the program",
    "web/translations.py _fields": "the catalogues of the program",
    "web/translations.py _literals": "the catalogues of the program",
    "web/translations.py lru_cache": "KEPT times LONGEST, and their translations",
    "web/translations.py plurals": "the catalogues of the program",
    "web/translations.py texts": "the catalogues of the program",
    "web/public_http.py cache": "one context",
    "core/analyses/catalogue.py well_known": "the files that the program publishes",
    # the web layer; tests/integration/test_bounds.py makes each grow
    "web/access.py _accepted_hosts": "MAX_CACHED, and a host name that is ours",
    "web/access.py _verified": "MAX_CACHED times MAX_CACHED_COOKIE",
    "web/form_shapes.py _shapes": "the analyses of the program",
    "web/poll_cache.py _responses": "MAX_RESPONSES times MAX_SNAPSHOT",
    "web/bodies.py _bytes": "open connections",
    "web/limits.py _streams": "open connections",
    "web/rates.py _counts": "MOST_KEYS, each with a minute of seconds",
    "web/start_queue.py _addresses": "open connections",
    "web/start_queue.py _queues": "open connections",
    "core/statistics.py _counts": "the statuses",
    "core/text_cache.py lru_cache": "its entries times its longest text",
    # the use cases
    "core/analyses/catalogue.py _analyses": "the analyses of the program",
    "core/analyses/catalogue.py _internal": "analyses of our own",
    "core/store_outage.py _missing": "the parts of a process that use the store",
    "core/watch.py _known": "MAX_KNOWN, ids of sessions",
    "core/analyses/canonical_encoding.py _pieces": "one encoding",
    "core/analyses/canonical_encoding.py lru_cache": "2,000 types of the program",
    "core/session_starts.py _plans": "the analyses of the program",
    "core/watch.py _stale": "_watched",
    "core/watch.py _following": "_watched",
    "core/watch.py _runs": "_following",
    "core/watch.py _positions": "10 times POSITIONS_PER_REFRESH, ids of sessions",
    "core/watch.py _watched": "open connections, each with LARGEST_INPUT",
    "core/watch.py _position_turns": "_watched",
    # workers: by their concurrency and by what one attempt does
    "running/attempt.py step_durations": "one attempt",
    "core/analyses/call_keys.py _made": "one attempt",
    "core/analyses/branch.py _listeners": "tasks of one attempt",
    "core/analyses/step_tries.py _calls": "calls within one call of a step",
    "core/analyses/step_tries.py _kept": "calls within one call of a step",
    "core/analyses/step_tries.py _numbers": "calls within one call of a step",
    "core/analyses/context.py _flows": "tasks of one attempt",
    "core/analyses/context.py _tasks": "one attempt",
    "core/analyses/context.py _unreadable_steps": "the steps of the program",
    "core/analyses/context.py waiting_threads": "threads of one attempt",
    "running/embedded.py _threads": "the workers of the process",
    "running/engine.py _embedded": "the workers of the process",
    "running/event_loop.py _loops": "event loops of the process",
    "core/analyses/fan_out.py _results": "one attempt",
    "running/foreign_sessions.py _left_until": "MAX_FOREIGN, ids of sessions",
    "running/foreign_sessions.py _logged_analyses": "the analyses of the program",
    "running/handoff.py _waiting": "what the broker lets one worker hold",
    "running/handoff.py _crashes_in_flight": "concurrency",
    "running/isolation_child.py _reported": "steps at work in one attempt",
    "running/isolation_child.py _waiting": "one attempt",
    "running/step_journal.py _kept": "one attempt",
    "core/analyses/context.py _active": "concurrency",
    "core/analyses/context.py _introduced": "the steps of the program",
    "running/progress_tracker.py _warned": "MAX_WARNED",
    "core/analyses/context.py _warned": "the steps of the program",
    "running/process_identity.py cache": "this process alone",
    "running/process_tree.py _zombies": "children of one worker",
    "core/quota.py _expected": "open connections",
    "running/progress_writer.py _flushes": "concurrency",
    "running/progress_writer.py _dirty": "concurrency",
    "running/progress_writer.py _written": "concurrency",
    "running/progress_writer.py _tokens": "steps of the program's analyses",
    "running/supervisor.py _death_records": "the workers of the supervisor",
    "running/supervisor.py _places": "the workers of the supervisor",
    "running/supervisor.py _workers": "the workers of the supervisor",
    "running/threads.py _work": "the threads that analysis code asks for",
    "running/worker.py _ends": "kinds of outcomes",
    "running/worker.py _attempts": "concurrency",
    "running/worker.py _claim_requests": "concurrency",
    "running/worker.py _mismatched": "concurrency",
    "running/worker.py _tasks": "concurrency",
    "domain/lease_observer.py _first_seen": "registered workers",
    # the backends
    "backends/celery/dispatcher.py _outbox": "MAX_OUTBOX",
    "backends/clock.py cache": "this machine alone",
    "backends/hints.py _hints": "MAX_KEYS of each topic",
    "backends/postgres/batches.py _tasks": "MAX_CONCURRENT",
    "backends/postgres/batches.py _waiting": "MAX_WAITING",
    "backends/postgres/pending_counts.py _counts": "the limits of the settings",
    "backends/postgres/claim_positions.py _exhausted_at": "MAX_PLACES",
    "backends/postgres/claim_positions.py _reached": "MAX_PLACES times MAX_PRIORITIES",
    "backends/postgres/pools.py _batches": "kinds of batches",
    "backends/postgres/pools.py _by_loop": "event loops of the process",
    "backends/postgres/pools.py _idle": "ANALYSIS_PG_POOL_SIZE",
    "backends/postgres/pools.py _open": "ANALYSIS_PG_POOL_SIZE",
    "backends/schema.py cache": "the migrations of the package",
    "backends/statements.py cache": "the statements of the package",
    "backends/sqlite/unix_sockets.py _listed": "processes of the machine",
    "backends/sqlite/unix_sockets.py _overflowed": "processes of the machine",
    "backends/sqlite/subscriptions.py _listeners": "parts of the process",
    "backends/sqlite/notifier.py _by_loop": "event loops of the process",
    "backends/sqlite/database.py _columns": "the statements of the backend",
    "backends/sqlite/readers.py _all": "threads of the process",
    "backends/sqlite/writer.py _requests": "MAX_WAITING",
    "cli/celery.py cache": "one application",
    "cli/worker_status.py _living": "registered workers",
    "cli/listener.py _overflow": "MAX_OVERFLOW",
    "cli/listener.py _opening": "open connections",
    "cli/listener.py _retries": "listening sockets",
    "cli/listener.py _spares": "SPARES",
    "cli/server.py _connections": "ANALYSIS_MAX_CONNECTIONS",
}
"""Add new ones here; if clients can make one grow, test it in tests/integration/test_bounds.py."""

OF_THE_PRODUCT = {
    "analysis.py cache": "one key",
    "checks/reviewer_overlap.py cache": "one analysis",
    "checks/words.py lru_cache": "100,000 words of 40 characters",
    "insights/measured_groups.py cache": "one table that ships",
    "evidence/page.py cache": "one template for each language that has a catalogue",
    "method.py cache": "one table that ships",
    "pages/languages.py cache": "the templates and words of the languages that have a catalogue",
    "pages/share_card.py cache": "the fonts that ship, by size",
}
"""Collections of the product that outlive one analysis."""


@pytest.mark.slow
def test_everything_that_grows_as_long_as_its_process_lives_has_a_bound() -> None:
    found = set(_growing(PACKAGES[0], attributes=True))
    assert found - BOUNDED_BY.keys() == set(), "add its bound to BOUNDED_BY"
    assert BOUNDED_BY.keys() - found == set(), "remove it: it no longer exists"


@pytest.mark.slow
def test_everything_of_the_product_that_outlives_an_analysis_has_a_bound() -> None:
    found = set(_growing(PACKAGES[1], attributes=False))
    assert found - OF_THE_PRODUCT.keys() == set(), "add its bound to OF_THE_PRODUCT"
    assert OF_THE_PRODUCT.keys() - found == set(), "remove it: it no longer exists"


def _growing(package: Path, *, attributes: bool) -> Iterator[str]:
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).as_posix()
        if module.startswith(TESTS_ONLY):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "functools":
                yield from (f"{module} {alias.name}" for alias in node.names if alias.name in CACHES)
            elif attributes and isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if _of_self(target) and node.value is not None and _can_grow(node.value):
                        yield f"{module} {target.attr}"
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _empty(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (f"{module} {target.id}" for target in targets if isinstance(target, ast.Name))


def _of_self(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"


def _can_grow(value: ast.expr) -> bool:
    """Return whether the value is an empty collection without a maximum size."""
    if isinstance(value, ast.IfExp):
        return _can_grow(value.body) or _can_grow(value.orelse)
    return _empty(value)


def _empty(value: ast.expr) -> bool:
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call(func=ast.Subscript(value=called)) | ast.Call(func=called):
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            grows = name in GROWING or name.startswith("Weak")
            return grows and not value.args and not any(k.arg in {"maxlen", "maxsize"} for k in value.keywords)
        case _:
            return False
