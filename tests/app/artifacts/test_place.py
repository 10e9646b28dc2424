"""Where artifacts are, and how their folders go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.storage.artifacts.place import (
    artifact_path,
    finished_folders,
    new_folder_name,
    parse_artifact_path,
    remove_artifacts,
)
from app.storage.artifacts.writer import ArtifactWriter


def test_paths_are_parsed_as_they_are_made() -> None:
    folder = new_folder_name()
    assert folder != new_folder_name()
    assert parse_artifact_path(artifact_path(folder, "scores")) == (folder, "scores.npy")


def test_folders_of_artifacts_go_and_nothing_else(tmp_path: Path) -> None:
    paths = []
    for _ in range(3):
        with ArtifactWriter(tmp_path / "artifacts") as writer:
            writer.add("a", np.ones(3))
            writer.add("b", np.ones(3))
            paths.append([one.path for one in writer.finish()])
    (tmp_path / "artifacts" / "notes").mkdir()
    (tmp_path / "artifacts" / ("0" * 32)).write_text("a file")
    assert set(finished_folders(tmp_path / "artifacts")) == {one[0].split("/")[1] for one in paths}

    remove_artifacts(tmp_path / "artifacts", [*paths[0], *paths[1], "artifacts/../x.npy", "../x", ""])
    remove_artifacts(tmp_path / "artifacts", paths[0])

    assert set(finished_folders(tmp_path / "artifacts")) == {paths[2][0].split("/")[1]}
    assert len(list((tmp_path / "artifacts").iterdir())) == 3
    assert finished_folders(tmp_path / "nowhere") == {}
    remove_artifacts(tmp_path / "nowhere", paths[2])


@pytest.mark.parametrize("path", ["artifacts/..", "artifacts/../..", "/", "artifacts", "."])
def test_what_is_no_artifact_is_not_removed(tmp_path: Path, path: str) -> None:
    (tmp_path / "artifacts").mkdir()
    remove_artifacts(tmp_path / "artifacts", [path])
    assert (tmp_path / "artifacts").is_dir()
