"""The styles of a risk model, as asked for and as shown: derived from their configs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import strawberry

from app.features.risk.graph.enums import StyleName
from app.schema.errors import Path, invalid_argument
from app.schema.options import INPUT, given_options, shows, takes, with_members
from app.schema.unset import was_given
from engine.config import options_of
from engine.risk.scores.config import StyleConfig as EngineStyle
from engine.risk.scores.registry import STYLES, StyleDefinition

_SHARED = options_of(EngineStyle)
_NAME = "name"
"""Of a style of one's own, which is shown as every style's `factor`."""


def _input_type(style: StyleDefinition) -> type:
    name = style.config_type.__name__.replace("Config", "StyleInput")
    derived = takes(options_of(style.config_type).values())(type(name, (), {"__module__": __name__}))
    return strawberry.input(derived, description=f"Options of the style {style.name}. {INPUT}")


@strawberry.input(one_of=True, description="A style with its options: exactly one.")
@with_members({name.lower(): (_input_type(style), style.description) for name, style in STYLES.items()})
class StyleInput:
    @property
    def member(self) -> str:
        """The name of the one that was given."""
        return next(item.name for item in fields(self) if was_given(getattr(self, item.name)))

    def to_options(self, path: Path) -> dict[str, object]:
        """Return them in the engine's spelling. `path` is where it stands in the arguments. Raises
        InvalidInput."""
        options = getattr(self, self.member)
        if options is None:
            raise invalid_argument((*path, self.member), "NOT_NULLABLE", "a style's options cannot be null")
        return {"style": self.member.upper(), **given_options(options)}


@strawberry.interface(description="A style of a risk model with all its options, defaults included.")
@shows(_SHARED.values(), own_first=True)
class StyleConfig:
    style: StyleName = strawberry.field(description="Which style.")
    factor: str = strawberry.field(description="Its name among the factors.")


def _style_type(style: StyleDefinition) -> type[StyleConfig]:
    options = options_of(style.config_type).values()
    own = shows([one for one in options if one.name not in {*_SHARED, _NAME}])
    name = style.config_type.__name__.replace("Config", "Style")
    derived = own(type(name, (StyleConfig,), {"__module__": __name__}))
    return strawberry.type(derived, description=f"The options of {style.name}.")


STYLE_TYPES: Mapping[StyleName, type[StyleConfig]] = {
    name: _style_type(style) for name, style in STYLES.items()
}


def to_style(config: EngineStyle) -> StyleConfig:
    """Return the style as its own type."""
    shown = {name: getattr(config, name) for name in options_of(type(config)) if name != _NAME}
    return STYLE_TYPES[config.style](style=config.style, factor=config.label, **shown)
