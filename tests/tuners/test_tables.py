"""Tables typed by hand, exported and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from autorl.errors import InvalidInput
from autorl.space import SearchSpace
from autorl.tuners import build_tuner
from autorl.tuners.given import Given
from autorl.tuners.tables import read_table

SPACE = SearchSpace.load(
    {
        "learning_rate": {"float": [1e-5, 1e-1], "log": True, "default": 1e-3},
        "activation": {"choice": ["tanh", "relu"], "default": "tanh"},
        "target_kl": {"choice": [None, 0.01, 1], "default": None},
        "prioritized": {"choice": [True, False], "default": False},
        "alpha": {"float": [0.1, 1.0], "default": 0.6, "when": {"prioritized": True}},
        "n_steps": {"int": [32, 512], "pow2": True, "default": 128},
    },
    fixed={"gamma": 0.99, "seed_text": "1"},
)
FIRST = {
    "learning_rate": 3e-4,
    "activation": "relu",
    "target_kl": 0.01,
    "prioritized": True,
    "alpha": 0.3,
    "n_steps": 64,
}
SECOND = {"learning_rate": 1e-3, "activation": "tanh", "target_kl": None, "prioritized": False, "n_steps": 128}


def written(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def configurations(path: Path, **options: object) -> list[object]:
    tuner = build_tuner({"name": "list", "path": str(path), **options}, SPACE, 1, 0)
    return [SPACE.decode(one.vector) for one in tuner.ask(range(tuner.size or 0))]


TABLES = {
    "by_hand.csv": "learning_rate, activation, target_kl, prioritized, alpha, n_steps\n"
    "3e-4,relu,1e-2,true,0.3,64\n\n1e-3,,null,false,,\n",
    "pandas.csv": "learning_rate,activation,target_kl,prioritized,alpha,n_steps\r\n"
    "0.0003,relu,0.01,True,0.3,64.0\r\n0.001,tanh,,False,,128.0\r\n",
    "excel.csv": '\ufeff"learning_rate","activation","target_kl","prioritized","alpha","n_steps"\n'
    '"0.0003","relu","0.01","TRUE","0.3","64"\n"0.001","tanh","None","FALSE","",""\n',
    "held.csv": "gamma,seed_text,learning_rate,activation,target_kl,prioritized,alpha,n_steps\n"
    "0.99,1,3e-4,relu,0.01,true,0.3,64\n,,,,,,,128\n",
    "trials.csv": "trial,status,config.learning_rate,config.activation,config.target_kl,config.prioritized,"
    "config.alpha,config.n_steps,return\n7,complete,0.0003,relu,0.01,true,0.3,64,12.5\n9,failed,0.001,tanh,null,false,,128,\n",
    "lines.jsonl": '{"learning_rate": 3e-4, "activation": "relu", "target_kl": 0.01, "prioritized": true, '
    '"alpha": 0.3, "n_steps": 64}\n\n{"prioritized": false}\n',
    "list.json": '[{"learning_rate": 0.0003, "activation": "relu", "target_kl": 0.01, "prioritized": true, '
    '"alpha": 0.3, "n_steps": 64.0}, {}]',
    "list.yaml": "---\n# found by hand\n- {learning_rate: 3e-4, activation: relu, target_kl: 0.01, prioritized: true,\n"
    "   alpha: 0.3, n_steps: 64}\n- target_kl: null\n  n_steps: 128\n",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_form_of_table(tmp_path: Path, name: str) -> None:
    assert configurations(written(tmp_path, TABLES[name], name)) == [FIRST, SECOND]


def test_columns_that_are_no_hyperparameters_are_named(tmp_path: Path) -> None:
    csv = "config,n_steps,score\n0,64,12.5\n1,32,\n"
    found = configurations(written(tmp_path, csv), ignore=["config", "score"])
    assert found == [{**SECOND, "n_steps": 64}, {**SECOND, "n_steps": 32}]
    lines = '{"config": 0, "n_steps": 64}\n'
    assert configurations(written(tmp_path, lines, "t.jsonl"), ignore=["config"]) == [{**SECOND, "n_steps": 64}]


@pytest.mark.parametrize(
    ("name", "text"),
    [("t.csv", "config,n_steps\n0,64\n"), ("t.jsonl", '{"config": 0}\n{"n_steps": 64}\n'), ("t.yaml", "- config: 0\n")],
)
def test_a_name_to_ignore_stands_in_the_file(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        configurations(written(tmp_path, text, name), ignore=["config", "confi"])
    assert f"{name}: ignore: unknown column 'confi'; did you mean 'config'?" in str(caught.value)


def test_a_word_means_the_choice_spelled_so(tmp_path: Path) -> None:
    words = SearchSpace.load({"x": {"choice": ["true", True, "1", 1, "None"], "default": 1}})
    tuner = Given(words, 1, 0, path=written(tmp_path, 'x\n"""true"""\ntrue\n"""1"""\n1\n1.0\nNone\n'))
    found = [words.decode(one.vector)["x"] for one in tuner.ask(range(6))]
    assert [(type(one), one) for one in found] == [
        (str, "true"), (bool, True), (str, "1"), (int, 1), (int, 1), (str, "None"),
    ]  # fmt: skip


BAD: dict[str, tuple[str, str | bytes, str]] = {
    "empty": ("t.csv", "", "t.csv: the file is empty"),
    "blank": ("t.csv", " \n\n", "t.csv: the file is empty"),
    "no_rows": ("t.csv", "n_steps\n", "t.csv: the table holds 0 configurations; it needs at least one"),
    "unknown_column": ("t.csv", "n_step\n64\n", "unknown column 'n_step'; did you mean 'n_steps'?"),
    "an_index": ("t.csv", ",n_steps\n0,64\n", "t.csv, line 1 (columns that are no hyperparameters go under `ignore`)"),
    "duplicate_column": ("t.csv", "n_steps,alpha,n_steps\n64,1,32\n", "line 1: the column 'n_steps' stands twice"),
    "out_of_range": ("t.csv", "n_steps\n64\n1024\n", "t.csv, line 3: n_steps: 1024 lies outside [32, 512]"),
    "off_the_grid": ("t.csv", "n_steps\n65\n", "t.csv, line 2: n_steps: 65 lies outside [32, 512]"),
    "no_choice": ("t.csv", "activation\nelu\n", "t.csv, line 2: activation: 'elu' lies outside tanh, relu"),
    "no_number": ("t.csv", "n_steps\nmany\n", "t.csv, line 2: n_steps: the text 'many' is no number"),
    "nan": ("t.csv", "learning_rate\nnan\n", "t.csv, line 2: learning_rate: the text 'nan' is no number"),
    "inactive": (
        "t.csv", "prioritized,alpha\nfalse,0.3\n",
        "t.csv, line 2: alpha: 0.3 is given, but it is active only if prioritized",
    ),
    "another_held_value": ("t.csv", "gamma\n0.9\n", "t.csv, line 2: unknown hyperparameter 'gamma'"),
    "ragged": ("t.csv", "n_steps,activation\n64\n", "t.csv, line 2: 1 cell(s) stand under 2 column(s)"),
    "nothing_in_a_row": ("t.csv", "n_steps,activation\n,\n", "t.csv, line 2: ',' holds no value of a hyperparameter"),
    "open_quote": ("t.csv", 'n_steps\n"64\n', "t.csv, line 2: this is no CSV"),
    "semicolons": ("t.csv", "n_steps;alpha\n64;1\n", "unknown column 'n_steps;alpha'"),
    "prose": ("t.csv", "Dear all, see below.\n", "unknown column 'Dear all'"),
    "binary": ("t.csv", b"PK\x03\x04\xff\xfe", "t.csv: byte 4 is no UTF-8 text"),
    "other_ending": ("t.xlsx", "n_steps\n64\n", "t.xlsx: the ending '.xlsx' is none of .csv, .jsonl"),
    "broken_json": ("t.json", "[{]", "t.json: broken JSON in line 1, column 3"),
    "json_key_twice": ("t.json", '[{"n_steps": 64, "n_steps": 32}]', "t.json: the key 'n_steps' stands twice"),
    "json_mapping": ("t.json", '{"n_steps": 64}', "t.json: holds a mapping where a list of configurations belongs"),
    "json_row": ("t.json", "[{}, 3]", "t.json, configuration 2: 3 is no mapping"),
    "json_range": ("t.json", '[{}, {"n_steps": 1024}]', "t.json, configuration 2: n_steps: 1024 lies outside"),
    "json_deep": ("t.json", "[" * 100_000, "t.json: '[[[[[[[[[[[[[[[[[[[['... is nested too deeply"),
    "broken_line": ("t.jsonl", '{}\n{"n_steps"}\n', "t.jsonl, line 2: broken JSON"),
    "broken_yaml": ("t.yaml", "- n_steps: 64\n- {n_steps: 32]\n", "t.yaml, line 2"),
    "yaml_key_twice": ("t.yaml", "- n_steps: 64\n  n_steps: 32\n", "2: duplicate key 'n_steps', first given in line 1"),
    "yaml_mapping": ("t.yaml", "n_steps: 64\n", "t.yaml: holds a mapping where a list of configurations belongs"),
    "yaml_remarks": ("t.yaml", "# nothing yet\n", "t.yaml: holds None where a list of configurations belongs"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_bad_table_is_refused_with_file_line_and_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    name, text, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    written(tmp_path, text, name)
    with pytest.raises(InvalidInput) as caught:
        build_tuner({"name": "list", "path": name}, SPACE, 1, 0, "a.yaml: tuner")
    assert str(caught.value).startswith(f"a.yaml: tuner: {name}")
    assert message in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.csv: no such file"):
        read_table(tmp_path / "gone.csv", SPACE)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InvalidInput, match=r"folder\.csv: cannot be read"):
        read_table(tmp_path / "folder.csv", SPACE)
