"""Which of the dashboard's modules imports which, and the kinds of runs that it lists."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from app.kinds import KINDS
from app.web import dashboard_page

FOLDER = Path(dashboard_page.__file__).parent / "dashboard"
MODULES = sorted(path for path in FOLDER.rglob("*.js") if path.parent.name != "vendor")
STATIC = re.compile(r'\bfrom "(\.[^"]+)"')
DYNAMIC = re.compile(r'\bimport\("(\.[^"]+)"\)')
ROOMS = ("vendor", "lib", "charts", "kinds", "pages", "")
"""Each imports itself and what stands before it; what is loaded only when it is needed is free of that."""


def name_of(path: Path) -> str:
    return path.resolve().relative_to(FOLDER).as_posix()


def imports(path: Path, *patterns: re.Pattern[str]) -> set[str]:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = (address for pattern in patterns for address in pattern.findall(text))
    return {name_of(path.parent / address) for address in found}


def room(name: str) -> int:
    return ROOMS.index(name.split("/")[0] if "/" in name else "")


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name_of(path): imports(path, STATIC, DYNAMIC) for path in MODULES}
    assert graph["pages/index.js"]
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_import_from_their_own_room_and_those_below(path: Path) -> None:
    own = name_of(path)
    assert not [name for name in imports(path, STATIC) if room(name) > room(own)]
    if own.startswith(("lib/", "charts/")):
        assert not imports(path, DYNAMIC)


def test_every_kind_is_listed_once_under_the_names_that_the_graph_has() -> None:
    lines = re.findall(
        r'^export \{ \w+ \} from "\./(\w+\.js)";$', (FOLDER / "kinds/index.js").read_text(), re.M
    )
    assert sorted([*lines, "index.js", "kind.js"]) == sorted(path.name for path in FOLDER.glob("kinds/*.js"))
    listed = []
    for line in lines:
        text = (FOLDER / "kinds" / line).read_text(encoding="utf-8")
        listed.append(tuple(re.findall(r'^  (?:name|typename|noun): "([^"]+)",$', text, re.M)))
    assert sorted(listed) == sorted((kind.name, kind.node, kind.noun) for kind in KINDS)
