"""What a digest of source code sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.code_digest import code_digest


def test_a_digest_sees_code_and_not_words_about_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "digested"
    package.mkdir()

    def digest(helper: str) -> str:
        (package / "__init__.py").write_text("")
        (package / "method.py").write_text("def ask():\n    from digested.helper import number\n    return number\n")
        (package / "helper.py").write_text(helper)
        return code_digest.__wrapped__("digested.method", ("digested.",))

    first = digest('"""A number."""\nnumber = 1\n')
    assert digest('"""Some number."""\n# of no account\nnumber = 1\n') == first
    assert digest('"""A number."""\nnumber = 2\n') != first
