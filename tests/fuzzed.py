"""Run tables as users might have them: a small valid one from a seed, then faults of values, files and types.

`written(seed, folder)` writes table number ``seed`` and names its faults; the same seed gives the same file.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

Rng = np.random.Generator
Frame = pd.DataFrame

NAMES = (
    "python",
    "java",
    "go",
    "rust",
    "c#",
    "c++",
    "日本語",
    "é",
    "a b",
    "x.y",
    "loss.x",
    "Python",
    "nan",
    "1",
)
ODD_NAMES = (
    "",
    " ",
    "a,b",
    'say "x"',
    "two\nlines",
    "python ",
    "🙂",
    "a" * 300,
    "[0]",
    "=1+1",
    "None",
    "_",
    "b",
)
ODD_CELLS = (
    *(
        "NaN",
        "nan",
        "",
        " ",
        "inf",
        "-inf",
        "Infinity",
        "None",
        "null",
        "n/a",
        "-",
        "?",
        "1,5",
        "1_000",
        "1e400",
    ),
    *(
        "1e-400",
        "0x10",
        "-0.0",
        "-1",
        "0",
        "1e308",
        "1e-308",
        "5e-324",
        "1e30",
        "1e-30",
        "2024-01-01",
        "12:30",
    ),
    *(
        "True",
        "1.5B",
        "350B",
        "50%",
        "\uff11\uff12",
        "1 000",
        "1e9 ",
        "+1",
        ".5",
        "five",
        "[1]",
        "#REF!",
        "1e",
        "\t2",
    ),
)
FACTORS = (1e-300, 1e-30, 1e-9, 1e-3, 1.0, 1e3, 1e9, 1e30, 1e290)


class Written(NamedTuple):
    """A file, and what is unusual about it."""

    path: Path
    faults: tuple[str, ...]


def written(seed: int, folder: Path) -> Written:
    """Write table number ``seed`` into ``folder``."""
    rng = np.random.default_rng([20_513, seed])
    frame = plain(rng)
    faults = [
        str(name)
        for name in rng.choice(
            list(FAULTS), size=rng.choice([0, 1, 2, 3], p=[0.2, 0.5, 0.2, 0.1]), replace=False
        )
    ]
    for name in faults:
        frame = FAULTS[name](frame, rng)
    if rng.random() < 0.15:
        kind = str(rng.choice(list(TYPES)))
        path = folder / f"{seed}.parquet"
        if _as_parquet(frame, TYPES[kind], rng, path):
            return Written(path, (*faults, f"parquet: {kind}"))
    text = frame.to_csv(index=False).encode()
    if rng.random() < 0.2:
        name = str(rng.choice(list(FILES)))
        faults, text = [*faults, name], FILES[name](text, rng)
    path = folder / f"{seed}.csv"
    path.write_bytes(text)
    return Written(path, tuple(faults))


def plain(rng: Rng) -> Frame:
    """A valid table: few languages and runs, losses from a law with noise."""
    count = int(rng.choice([1, 2, 3, 4], p=[0.35, 0.5, 0.12, 0.03]))
    names = [str(n) for n in rng.choice(NAMES, size=count, replace=False)]
    sizes = 1e5 * 10.0 ** rng.uniform(0, 4) * np.array([1.0, 2.0, 5.0, 30.0])[: rng.integers(1, 5)]
    budgets = 1e6 * 10.0 ** rng.uniform(0, 5) * np.array([1.0, 2.0, 4.0])[: rng.integers(1, 4)]
    floor, spread = rng.uniform(0.1, 2.0), rng.uniform(0.1, 3.0, count)
    if rng.random() < 0.15:
        return _arms(rng, names, float(sizes[0]), float(budgets[0]))
    repeated = rng.random() < 0.3
    rows = []
    for run in range(int(rng.choice([1, 3, 8, 14, 20], p=[0.05, 0.05, 0.2, 0.5, 0.2]))):
        shares = _mixture(rng, count)
        params = float(rng.choice(sizes))
        for tokens in budgets if rng.random() < 0.5 else budgets[-1:]:
            supply = np.where(rng.random(count) < 0.5, tokens * rng.uniform(0.1, 1.0), np.inf)
            own = np.minimum(shares * tokens, 3 * supply) / budgets[0] + 0.1 * tokens / budgets[0]
            losses = floor + (params / sizes[0]) ** -0.3 + spread * own**-0.3
            losses = losses * np.exp(0.01 * rng.standard_normal(count))
            rows.append(
                {"run": f"run-{run}", "params": params, "tokens": float(tokens)}
                | {f"share.{n}": s for n, s in zip(names, shares, strict=True)}
                | {f"loss.{n}": x for n, x in zip(names, losses, strict=True)}
                | ({f"unique.{n}": u for n, u in zip(names, supply, strict=True)} if repeated else {})
            )
    frame = pd.DataFrame(rows).replace([np.inf], np.nan)
    if rng.random() < 0.5:
        frame = frame.drop(columns=_columns(frame, "loss.")[1:])
    if rng.random() < 0.3:
        frame = frame.assign(**{f"bytes_per_token.{n}": rng.uniform(2, 5) for n in names})
    return frame


def _arms(rng: Rng, names: list[str], params: float, half: float) -> Frame:
    """What a synergy compares: every language alone, twice, and with every other, some under two seeds."""
    rows = []
    for seed in range(int(rng.integers(1, 3))):
        for i, name in enumerate(names):
            mixtures = [(half, np.eye(len(names))[i], None), (2 * half, np.eye(len(names))[i], half)]
            mixtures += [
                (2 * half, (np.eye(len(names))[i] + np.eye(len(names))[j]) / 2, None) for j in range(i)
            ]
            for k, (tokens, shares, supply) in enumerate(mixtures):
                losses = 1.0 + (1.0 + shares * tokens / half) ** -0.3 * np.exp(0.01 * rng.standard_normal())
                rows.append(
                    {"run": f"run-{name}-{k}-{seed}", "params": params, "tokens": tokens, "seed": seed}
                    | {f"share.{n}": s for n, s in zip(names, shares, strict=True)}
                    | {f"loss.{n}": x for n, x in zip(names, losses, strict=True)}
                    | {f"unique.{name}": supply}
                )
    return pd.DataFrame(rows)


def _mixture(rng: Rng, count: int) -> np.ndarray:
    kind = rng.random()
    if kind < 0.2:
        return np.eye(count)[rng.integers(count)]
    if kind < 0.35 and count > 1:
        return np.eye(count)[rng.choice(count, 2, replace=False)].sum(axis=0) / 2
    if kind < 0.5:
        return np.full(count, 1 / count)
    shares: np.ndarray = rng.dirichlet(np.ones(count))
    return shares


def _some(frame: Frame, rng: Rng, prefix: str | tuple[str, ...] = "") -> str | None:
    """One of the columns with a prefix."""
    names = [c for c in frame.columns if c.startswith(prefix)]
    return str(rng.choice(names)) if names else None


def _columns(frame: Frame, prefix: str) -> list[str]:
    return [c for c in frame.columns if c.startswith(prefix)]


def _set(frame: Frame, rng: Rng, column: str | None, value: object, part: float = 0.0) -> Frame:
    """A value in one row, and in a part of the others; the first of equally named columns."""
    if column is None or frame.empty:
        return frame
    at = list(frame.columns).index(column)
    mask = rng.random(len(frame)) < part
    mask[rng.integers(len(frame))] = True
    cells = [value if hit else old for hit, old in zip(mask, frame.iloc[:, at], strict=True)]
    rest = [frame.iloc[:, k].reset_index(drop=True) for k in range(frame.shape[1])]
    rest[at] = pd.Series(cells, dtype=object, name=column)
    return pd.concat(rest, axis=1)


def _scaled(frame: Frame, columns: list[str], by: float) -> Frame:
    """Numbers times a factor; what is no number stays."""
    scaled = frame.copy()
    for column in dict.fromkeys(c for c in columns if c in frame):
        numbers = pd.to_numeric(frame[column], errors="coerce") if frame[column].ndim == 1 else None
        if numbers is not None:
            with np.errstate(over="ignore", under="ignore"):
                scaled[column] = (numbers * by).astype(object).where(numbers.notna(), frame[column])
    return scaled


def _losses(frame: Frame, of: Callable[[Frame], object]) -> Frame:
    return frame.assign(**{c: of(frame) for c in _columns(frame, "loss.")})


def _tokens(frame: Frame) -> pd.Series:
    found = frame["tokens"] if "tokens" in frame else pd.Series(np.ones(len(frame)))
    found = found if found.ndim == 1 else found.iloc[:, 0]
    return pd.to_numeric(found, errors="coerce").fillna(1.0)


def _renamed(frame: Frame, rng: Rng, odd: str) -> Frame:
    column = _some(frame, rng, ("share.", "loss."))
    if column is None:
        return frame
    old = column.split(".", 1)[1]
    ends = ("share.", "loss.", "unique.", "bytes_per_token.")
    return frame.rename(columns={p + old: p + odd for p in ends})


def _languages_added(frame: Frame, rng: Rng) -> Frame:
    """A few languages more, or 25."""
    count = int(rng.choice([4, 25], p=[0.9, 0.1]))
    more = rng.dirichlet(np.ones(count), size=len(frame)) * 0.5
    mixed = frame.copy()
    shares = _columns(mixed, "share.")
    mixed = _scaled(mixed, shares, 0.5)
    added = pd.DataFrame(more, columns=[f"share.more{k}" for k in range(count)], index=mixed.index)
    return pd.concat([mixed, added], axis=1)


def _repeated_column(frame: Frame, rng: Rng) -> Frame:
    column = _some(frame, rng)
    return frame if column is None else pd.concat([frame, frame[[column]]], axis=1)


def _without(frame: Frame, rng: Rng) -> Frame:
    column = _some(frame, rng)
    return frame if column is None else frame.drop(columns=column)


def _epochs(frame: Frame, rng: Rng) -> Frame:
    supply = _tokens(frame) / float(rng.choice([1.0, 2.0, 1e6, 1e12]))
    return frame.assign(**{c.replace("share.", "unique."): supply for c in _columns(frame, "share.")})


FAULTS: dict[str, Callable[[Frame, Rng], Frame]] = {
    "odd cell": lambda f, r: _set(f, r, _some(f, r), str(r.choice(ODD_CELLS))),
    "odd cells": lambda f, r: _set(f, r, _some(f, r), str(r.choice(ODD_CELLS)), 0.5),
    "odd column": lambda f, r: _set(f, r, _some(f, r), str(r.choice(ODD_CELLS)), 1.0),
    "column missing": _without,
    "column twice": _repeated_column,
    "odd name": lambda f, r: _renamed(f, r, str(r.choice(ODD_NAMES))),
    "target that is no language": lambda f, r: f.rename(columns={_some(f, r, "loss."): "loss.python>java"}),
    "one target for all": lambda f, r: f.drop(columns=_columns(f, "loss.")[1:]),
    "no row": lambda f, r: f.head(0),
    "one row": lambda f, r: f.head(1),
    "one run": lambda f, r: f.assign(run="only", tokens=_tokens(f) * (1 + np.arange(len(f)))),
    "six rows": lambda f, r: f.head(6),
    "rows twice": lambda f, r: pd.concat([f, f], ignore_index=True),
    "a row twice": lambda f, r: pd.concat([f, f.head(1)], ignore_index=True),
    "rows in another order": lambda f, r: f.sample(frac=1, random_state=int(r.integers(1000))),
    "columns in another order": lambda f, r: f.iloc[:, r.permutation(f.shape[1])],
    "shares of 0.98": lambda f, r: _scaled(f, _columns(f, "share."), 0.98),
    "shares a little off": lambda f, r: _scaled(f, _columns(f, "share."), 1.0005),
    "percent": lambda f, r: _scaled(f, _columns(f, "share."), 100.0),
    "shares of nothing": lambda f, r: _scaled(f, _columns(f, "share."), 0.0),
    "shares as tokens": lambda f, r: _scaled(f, _columns(f, "share."), 1e9),
    "a language of nearly nothing": lambda f, r: f.assign(
        **{"share.tiny": float(r.choice([0, 1e-300, 1e-12]))}
    ),
    "many languages more": _languages_added,
    "constant losses": lambda f, r: _losses(f, lambda g: 2.0),
    "losses that rise with tokens": lambda f, r: _losses(f, lambda g: 1.0 + _tokens(g) / _tokens(g).max()),
    "losses of one number each": lambda f, r: _losses(f, lambda g: 1.0 + np.arange(len(g))),
    "noise alone": lambda f, r: _losses(f, lambda g: np.exp(3 * r.standard_normal(len(g)))),
    "losses of nothing": lambda f, r: _losses(f, lambda g: 0.0),
    "tiny losses": lambda f, r: _losses(f, lambda g: 1e-30 * r.uniform(1, 2, len(g))),
    "huge losses": lambda f, r: _losses(f, lambda g: 1e30 * r.uniform(1, 2, len(g))),
    "losses from 1e-300 to 1e300": lambda f, r: _losses(f, lambda g: 10.0 ** r.uniform(-300, 300, len(g))),
    "one loss in another unit": lambda f, r: _set(f, r, _some(f, r, "loss."), float(r.choice(FACTORS))),
    "losses mostly missing": lambda f, r: _set(f, r, _some(f, r, "loss."), None, 0.8),
    "all losses mostly missing": lambda f, r: _losses(
        f, lambda g: np.where(r.random(len(g)) < 0.9, np.nan, 2.0)
    ),
    "runs without losses": lambda f, r: _losses(
        f, lambda g: np.where(np.arange(len(g)) % 3 == 0, 2.0, np.nan)
    ),
    "losses missing where the language is": lambda f, r: f.assign(
        **{
            c: pd.to_numeric(f[c], errors="coerce").where(~(pd.to_numeric(f[s], errors="coerce") > 0))
            for c in _columns(f, "loss.")
            if (s := c.replace("loss.", "share.")) in f and f[c].ndim == 1 and f[s].ndim == 1
        }
    ),
    "one size": lambda f, r: f.assign(params=1e6),
    "sizes almost equal": lambda f, r: f.assign(params=1e6 * (1 + 1e-9 * np.arange(len(f)))),
    "params in another unit": lambda f, r: _scaled(f, ["params"], float(r.choice(FACTORS))),
    "tokens in another unit": lambda f, r: _scaled(f, ["tokens"], float(r.choice(FACTORS))),
    "losses in another unit": lambda f, r: _scaled(f, _columns(f, "loss."), float(r.choice(FACTORS))),
    "one size far away": lambda f, r: _set(
        f, r, "params" if "params" in f else None, float(r.choice(FACTORS))
    ),
    "one budget far away": lambda f, r: _set(
        f, r, "tokens" if "tokens" in f else None, float(r.choice(FACTORS))
    ),
    "runs of several sizes": lambda f, r: f.assign(params=1e6 * (1 + np.arange(len(f)))),
    "many epochs": _epochs,
    "odd bytes per token": lambda f, r: f.assign(
        **{c.replace("share.", "bytes_per_token."): float(r.choice(FACTORS)) for c in _columns(f, "share.")}
    ),
    "a column of text more": lambda f, r: f.assign(tokenizer=[None if k % 2 else k for k in range(len(f))]),
    "an odd seed": lambda f, r: f.assign(seed=str(r.choice(ODD_CELLS))),
    "numbered columns": lambda f, r: f.set_axis([str(k) for k in range(f.shape[1])], axis=1),
    "an index column": lambda f, r: f.reset_index(),
    "capital letters": lambda f, r: f.rename(columns=str.upper),
    "spaces in the header": lambda f, r: f.rename(columns=lambda c: f" {c} "),
}
"""Faults of a table."""


def _in_a_line(text: bytes, rng: Rng, change: Callable[[bytes], bytes]) -> bytes:
    lines = text.split(b"\n")
    at = int(rng.integers(len(lines)))
    lines[at] = change(lines[at])
    return b"\n".join(lines)


FILES: dict[str, Callable[[bytes, Rng], bytes]] = {
    "empty file": lambda t, r: b"",
    "blank file": lambda t, r: b"\n \n\n",
    "header alone": lambda t, r: t.split(b"\n")[0],
    "byte order mark": lambda t, r: b"\xef\xbb\xbf" + t,
    "CRLF": lambda t, r: t.replace(b"\n", b"\r\n"),
    "CR": lambda t, r: t.replace(b"\n", b"\r"),
    "semicolons": lambda t, r: t.replace(b",", b";"),
    "semicolons and decimal commas": lambda t, r: t.replace(b",", b";").replace(b".", b","),
    "tabs": lambda t, r: t.replace(b",", b"\t"),
    "a cell too many": lambda t, r: _in_a_line(t, r, lambda line: line + b",1"),
    "a cell too few": lambda t, r: _in_a_line(t, r, lambda line: line.rpartition(b",")[0]),
    "a comma at every end": lambda t, r: t.replace(b"\n", b",\n"),
    "an open quote": lambda t, r: _in_a_line(t, r, lambda line: b'"' + line),
    "quoted newlines": lambda t, r: t.replace(b"run-", b'"run\n').replace(b",", b'",', 1),
    "quoted cells": lambda t, r: b"\n".join(
        b",".join(b'"' + cell + b'"' for cell in line.split(b",")) for line in t.split(b"\n") if line
    ),
    "blank lines": lambda t, r: t.replace(b"\n", b"\n\n"),
    "a comment": lambda t, r: b"# runs of May\n" + t,
    "cut off": lambda t, r: t[: int(r.integers(len(t) + 1))],
    "UTF-16": lambda t, r: t.decode(errors="replace").encode("utf-16"),
    "Latin-1": lambda t, r: t.decode(errors="replace").encode("latin-1", "replace") + b"\xe9",
    "a zero byte": lambda t, r: _in_a_line(t, r, lambda line: line + b"\x00"),
    "a byte changed": lambda t, r: (
        t
        if not t
        else (b := bytearray(t)).__setitem__(int(r.integers(len(t))), int(r.integers(256))) or bytes(b)
    ),
    "the header twice": lambda t, r: t.split(b"\n")[0] + b"\n" + t,
    "JSON": lambda t, r: b'{"run": "a"}',
    "bytes": lambda t, r: r.bytes(300),
}
"""Faults of a CSV file."""


def _decimals(column: pd.Series) -> pd.Series:
    return column.map(lambda x: None if pd.isna(x) else decimal.Decimal(f"{float(x):.6f}"))


TYPES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "as they are": lambda s: s,
    "decimals": _decimals,
    "categories": lambda s: s.astype("category"),
    "strings": lambda s: s.astype("string"),
    "text": lambda s: s.astype(str),
    "nullable integers": lambda s: s.round().astype("Int64"),
    "nullable floats": lambda s: s.astype("Float64"),
    "float32": lambda s: s.astype("float32"),
    "float16": lambda s: s.astype("float16"),
    "truth values": lambda s: s > 1,
    "nullable truth values": lambda s: (s > 1).astype("boolean"),
    "dates": lambda s: pd.to_datetime(s, unit="s"),
    "durations": lambda s: pd.to_timedelta(s, unit="s"),
    "lists": lambda s: s.map(lambda x: [x]),
    "complex": lambda s: s.map(lambda x: {"value": x}),
    "bytes": lambda s: s.map(lambda x: str(x).encode()),
    "periods": lambda s: pd.Series(pd.period_range("2020", periods=len(s), freq="D"), index=s.index),
    "arrow": lambda s: s.convert_dtypes(dtype_backend="pyarrow"),
}
"""What the columns of a Parquet file are stored as."""


def _as_parquet(frame: Frame, change: Callable[[pd.Series], pd.Series], rng: Rng, path: Path) -> bool:
    """Whether such a file could be written: not every column has every type."""
    parts = [frame.iloc[:, k].reset_index(drop=True) for k in range(frame.shape[1])]
    everything = rng.random() < 0.3
    try:
        with np.errstate(all="ignore"):
            changed = [change(s) if everything or rng.random() < 0.3 else s for s in parts]
        pd.concat(changed, axis=1).to_parquet(path, index=bool(rng.random() < 0.3))
    except (ValueError, TypeError, ArithmeticError, NotImplementedError, AttributeError):
        return False
    return True
