"""The dashboard's colours by the contrast rules of WCAG 2.2, in both themes."""

import re
from pathlib import Path

import pytest

from app.web import dashboard_page

STYLES = Path(dashboard_page.__file__).parent / "dashboard" / "styles"
TEXT, GRAPHIC = 4.5, 3.0
SERIES = [f"--series-{number}" for number in range(1, 7)]


def themes() -> dict[str, dict[str, str]]:
    """The colours of each theme; the dark one changes some of the light one's."""
    text = (STYLES / "tokens.css").read_text(encoding="utf-8")
    found = {}
    for name, selector in (("light", r":root"), ("dark", r':root\[data-theme="dark"\]')):
        (body,) = re.findall(rf"(?m)^{selector} \{{(.*?)^\}}", text, re.DOTALL)
        found[name] = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", body))
    return {"light": found["light"], "dark": {**found["light"], **found["dark"]}}


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_rules() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *((ink, ground) for ink in ("--ink", "--ink-2", "--ink-3") for ground in ("--page", "--surface")),
        ("--ink-2", "--sunken"),
        ("--ink-3", "--hover"),
        ("--accent", "--page"),
        ("--accent", "--surface"),
        ("--accent", "--accent-soft"),
        ("--accent-ink", "--accent"),
        ("--good", "--sunken"),
        ("--bad", "--bad-soft"),
        ("--bad", "--surface"),
        ("--warn", "--warn-soft"),
        ("--ink", "--warn-soft"),
        ("--above", "--surface"),
        ("--below", "--surface"),
    ],
)
def test_text_can_be_read(theme: str, ink: str, ground: str) -> None:
    colors = themes()[theme]
    assert contrast(colors[ink], colors[ground]) >= TEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", [*SERIES, "--line-strong", "--focus"])
def test_lines_borders_and_focus_rings_can_be_seen(theme: str, ink: str) -> None:
    colors = themes()[theme]
    assert contrast(colors[ink], colors["--surface"]) >= GRAPHIC


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_lines_of_factors_differ(theme: str) -> None:
    colors = [themes()[theme][name] for name in SERIES]
    assert len(set(colors)) == len(SERIES)


def test_every_colour_that_is_used_has_a_name_and_a_value() -> None:
    tokens = (STYLES / "tokens.css").read_text(encoding="utf-8")
    named = set(re.findall(r"(--[\w-]+):", tokens))
    own = {"--share", "--head-width", "--columns"}  # set by what draws them
    for path in STYLES.glob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"var\((--[\w-]+)", text)) <= named | own, path.name
        if path.name != "tokens.css":
            assert not re.search(r":[^;{]*#[0-9a-f]{3,8}\b", text), path.name
