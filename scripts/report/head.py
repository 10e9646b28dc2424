"""What every page begins and ends with: what was computed, on which data, by which settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from db.records import RunKind, RunOrigin
from engine.config import to_json
from scripts.report.gather import RunMaterial, defaults_of
from scripts.report.layout import block, facts, note, plain_list, section
from scripts.report.markup import Markup, element
from scripts.report.numbers import DASH, count, moment, number, significant

_MONEY = frozenset({"market_cap_threshold", "liquidity_threshold"})


def heading(material: RunMaterial, dates: str) -> Markup:
    """Kind, title, what was computed when and on which data; a band where the numbers are invented."""
    run = material.run
    kind = "Sweep report" if run.kind == RunKind.SWEEP else "Factor report"
    items: dict[str, object] = {
        "Dataset": _data(material),
        "Periods": dates,
        "Run": f"{run.id}, {run.origin.lower()}",
        "Computed": moment(run.finished_at),
        "Engine": run.engine_version,
        "Identity": element("span", (run.identity_hash or DASH)[:12], title=run.identity_hash),
    }
    if run.origin is RunOrigin.IMPORTED:
        items |= {"Computed": None, "Imported": moment(run.imported_at)}
    return element(
        "header",
        element("div", f"{kind} · {words(run.subject.lower())} · run {run.id}", class_="eyebrow"),
        element("h1", material.title),
        element(
            "dl",
            [
                element("div", element("dt", name), element("dd", value))
                for name, value in items.items()
                if value is not None
            ],
            class_="meta",
        ),
        _banner(material),
    )


def _data(material: RunMaterial) -> str:
    dataset = material.dataset
    if dataset is None:
        return f"imported log {material.run.legacy_run_id or ''}".strip()
    return f"{dataset.name} (synthetic)" if dataset.synthetic else dataset.name


def _banner(material: RunMaterial) -> Markup | None:
    if material.dataset is None or not material.dataset.synthetic:
        return None
    return element(
        "p",
        element("strong", "SYNTHETIC DATA. "),
        "Every number on this page describes invented data. It shows what the method does, "
        "and says nothing about any market.",
        class_="banner",
    )


def verdict(headline: str, sentences: Mapping[str, str]) -> Markup:
    """The sentence to remember, and beneath it one for each topic."""
    points = [element("li", element("b", f"{topic}. "), words) for topic, words in sentences.items()]
    return element("div", element("p", headline), element("ul", points) if points else None, class_="verdict")


def settings_block(material: RunMaterial, swept: Iterable[str] = ()) -> Markup:
    """All options, those that differ from the factor's defaults marked."""
    config = material.base_config
    defaults = to_json(defaults_of(material))
    known = {key: value for key, value in config.items() if key not in material.run.unrecorded_fields}
    axes = set(swept)
    shown = {
        words(key): element("em", "swept") if key in axes else setting(key, value)
        for key, value in known.items()
    }
    differing = {words(key) for key, value in known.items() if key in defaults and value != defaults[key]}
    remarks = []
    if differing:
        remarks.append("Marked ones differ from the factor's defaults.")
    if material.run.unrecorded_fields:
        names = ", ".join(words(key) for key in material.run.unrecorded_fields)
        remarks.append(f"Not recorded by the system that this result was imported from: {names}.")
    return block("Settings", facts(shown, differing), note(" ".join(remarks)) if remarks else None)


def provenance_section(material: RunMaterial) -> Markup:
    return section("Provenance", plain_list(_provenance(material)))


def _provenance(material: RunMaterial) -> Mapping[str, object]:
    run, dataset = material.run, material.dataset
    items: dict[str, object] = {
        "Run": f"{run.id}, {run.origin.lower()}, created {moment(run.created_at)}, finished "
        f"{moment(run.finished_at)}",
        "Engine version": run.engine_version or DASH,
        "Identity": run.identity_hash or DASH,
    }
    if run.legacy_run_id:
        items["Imported from"] = run.legacy_run_id
    if run.import_remarks:
        items["Import remarks"] = "; ".join(run.import_remarks)
    if dataset is not None:
        version = f"{dataset.name}, version {dataset.version}" + (", SYNTHETIC" if dataset.synthetic else "")
        items["Dataset"] = (
            f"{version}; {count(dataset.asset_count)} assets, {dataset.first_date} to {dataset.last_date}, "
            f"calendar {dataset.calendar.lower().replace('_', ' ')}"
        )
        items["Fingerprint"] = dataset.fingerprint
        items["Source"] = dataset.source
        if dataset.licence:
            items["Licence"] = dataset.licence
        if dataset.note:
            items["Dataset note"] = dataset.note
    if run.tags:
        items["Tags"] = ", ".join(run.tags)
    if run.note:
        items["Note"] = run.note
    return items


def words(option: str) -> str:
    return option.replace("_", " ")


def setting(option: str, value: object) -> str:
    """An option's value as people write it."""
    if value is None:
        return "off" if option not in ("start_date", "end_date", "universe") else "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "none"
    if isinstance(value, int | float):
        return number(value, 0) if option in _MONEY else significant(value)
    return str(value).lower().replace("_", " ") if str(value).isupper() else str(value)
