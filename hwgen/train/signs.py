"""The German traffic sign benchmark as its authors publish it: PPM pictures and CSV tables."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from hwgen.train.errors import DataError

SIZE = 12

Arrays = tuple[np.ndarray, np.ndarray]


def read_gtsrb(split: str, folder: Path) -> Arrays | None:
    """Read ``Final_Training/Images/*/`` or ``Final_Test/Images/`` below ``folder`` or its GTSRB.

    Each sign is cut out by its region of interest and resized to 12x12. None where the files are
    not there.

    Raises
    ------
    DataError
        a table or picture is missing or damaged
    """
    root = folder / "GTSRB" if (folder / "GTSRB").is_dir() else folder
    if split == "train":
        tables = sorted((root / "Final_Training" / "Images").glob("*/GT-*.csv"))
    else:
        tables = [path for path in _test_tables(root) if path.is_file()][:1]
    if not tables:
        return None
    pictures, labels = [], []
    for table in tables:
        for row in _rows(table):
            pictures.append(_sign(_picture_folder(table, root, split) / row["Filename"], row))
            labels.append(int(row["ClassId"]))
    return np.stack(pictures), np.array(labels)


def _test_tables(root: Path) -> list[Path]:
    name = "GT-final_test.csv"
    return [root / name, root.parent / name, root / "Final_Test" / "Images" / name]


def _picture_folder(table: Path, root: Path, split: str) -> Path:
    return table.parent if split == "train" else root / "Final_Test" / "Images"


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="ascii", errors="replace") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    keys = {"Filename", "ClassId", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2"}
    if not rows or not keys <= rows[0].keys() or None in rows[-1].values():
        raise DataError(f"{table} is damaged or has no column ClassId; fetch GTSRB again")
    return rows


def _sign(path: Path, row: dict[str, str]) -> np.ndarray:
    from PIL import Image

    box = tuple(int(row[f"Roi.{edge}"]) for edge in ("X1", "Y1", "X2", "Y2"))
    try:
        with Image.open(path) as picture:
            sign = picture.convert("RGB").crop(box).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is missing or damaged ({error}); fetch GTSRB again") from None
    return np.asarray(sign)
