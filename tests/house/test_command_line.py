"""Every option of the command line refuses nonsense, and the pages and the command line name the same commands."""

import re
from collections.abc import Iterator

import click
import pytest
from source_tree import ROOT, pages

from outlast.cli.main import outlast

NOT_YET = re.compile(r"<!-- not yet -->.*?<!-- end -->", re.DOTALL)
CODE = re.compile(r"^```(?:console|text|sh|bash)?\n.*?^```|(?<!`)`[^`\n]+`(?!`)", re.DOTALL | re.MULTILINE)
BEFORE = r"(?:^|[`$]|\bbin/|\$ |\brun |\bsudo (?:-u \w+ )?|[A-Z_]+=\S+ |\* {1,2}|&& )"
"""What stands before a command: nothing, a prompt, a path, `uv run`, `sudo`, a setting or the fields of cron."""
NAMED = re.compile(BEFORE + r"outlast((?: [a-z][a-z|-]*)+)((?:[^\n`#;&|<>]|\\\n)*)", re.MULTILINE)
"""A command in code, such as `outlast workers stop|restart --now`."""
OPTION = re.compile(r"(?<!\S)--?[a-z][a-z-]*")


def walk(
    command: click.Command = outlast, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, (*words, name))


NUMBER = click.types.IntParamType | click.types.FloatParamType
COMMANDS = dict(walk())
NUMBERS = [
    (*words, parameter.opts[-1])
    for words, command in COMMANDS.items()
    for parameter in command.params
    if isinstance(parameter, click.Option) and isinstance(parameter.type, NUMBER)
]


@pytest.mark.parametrize("option", NUMBERS, ids=" ".join)
@pytest.mark.parametrize("number", ["-1", "nan", "inf", "1e300", "1" + 20 * "0"])
def test_an_option_refuses_a_number_that_means_nothing(option: tuple[str, ...], number: str):
    command = COMMANDS[option[:-1]]
    parameter = next(p for p in command.params if option[-1] in p.opts)
    with pytest.raises(click.BadParameter):  # not invoked: `serve` would serve
        parameter.type_cast_value(click.Context(command), number)


def test_the_reference_has_every_command_and_option():
    reference = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    for words, command in COMMANDS.items():
        if command.hidden:
            continue
        part = re.search(
            rf"^### `{' '.join(('outlast', *words))}`$(.*?)(?=^### |\Z)", reference, re.MULTILINE | re.DOTALL
        )
        assert part, words
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert all(re.search(rf"{name}\b", part[1]) for name in option.opts), (words, option.opts)


def named_commands(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The commands that a page names in code, each with the rest of its line."""
    for code in CODE.findall(NOT_YET.sub("", text)):
        for words, rest in NAMED.findall(code):
            alternatives: list[tuple[str, ...]] = [()]
            for word in words.split():
                alternatives = [(*one, each) for one in alternatives for each in word.split("|")]
            yield from ((one, rest) for one in alternatives)


def resolved(words: tuple[str, ...]) -> click.Command | None:
    """The command that the words begin with; its group takes no further word."""
    command: click.Command = outlast
    for word in words:
        if not isinstance(command, click.Group):
            return command
        below = command.get_command(click.Context(command), word)
        if below is None:
            return None
        command = below
    return command


def test_every_command_and_option_that_a_page_names_exists():
    wrong = list[str]()
    for page in pages():
        if page.name == "commands.md":
            continue  # the test above compares it
        for words, rest in named_commands(page.read_text(encoding="utf-8")):
            command = resolved(words)
            if command is None or not _takes(command, rest):
                wrong.append(f"{page.relative_to(ROOT)}: outlast {' '.join(words)}{rest}")
    assert not wrong, "\n".join(wrong)


def _takes(command: click.Command, rest: str) -> bool:
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    return isinstance(command, click.Group) or set(OPTION.findall(rest)) <= known | {"--help", "-h"}
