"""No file may hold the server: of the corpus in hostile_files.py, the dangerous files and some of the others.

benchmarks/hostile_files.py reads the whole corpus, with a second person at the same server.
"""

import resource
import warnings
from collections import Counter
from pathlib import Path
from time import process_time

import pytest
from hostile_files import KINDS, hostile_files, quick_files, refusal

from xception_lab.data.uploads import read_upload

MAX_SECONDS = 2.0  # of this process's time, which no other thread has meanwhile
MAX_GROWTH = 700  # MiB at the peak: the largest files have 20 MiB, and some readers need several times that


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_the_corpus_is_large_and_the_same_on_every_run() -> None:
    files = hostile_files()
    counts = Counter(file.kind for file in files)
    assert len(files) >= 500
    assert set(counts) == set(KINDS)
    assert min(counts.values()) >= 60
    assert len({(file.kind, file.name) for file in files}) == len(files)
    again = [file for file in hostile_files() if file.name.startswith("damaged")]
    damaged = [file for file in files if file.name.startswith("damaged")]
    assert [file.make() for file in again[:20]] == [file.make() for file in damaged[:20]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_ends_in_a_sentence_soon(kind: str) -> None:
    read: list[str] = []
    for file in quick_files():
        if file.kind != kind:
            continue
        content = file.make()
        peak, start = _peak_mib(), process_time()
        if kind == "data":  # not apart: what its own bounds do not end, the child's would
            try:
                read_upload("a.zip", content)
                sentence = ""
            except ValueError as error:
                sentence = str(error)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                sentence = refusal(kind, content)
        assert process_time() - start < MAX_SECONDS, file.name
        assert _peak_mib() - peak < MAX_GROWTH, file.name
        if not sentence:
            read.append(file.name)
            continue
        assert sentence.isprintable(), file.name
        assert len(sentence) < 400, file.name
        assert "Traceback" not in sentence, file.name
    # some of the damaged are still whole enough, and so is what only looks dangerous
    assert len(read) <= 6, read
