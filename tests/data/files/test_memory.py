"""Large files are streamed: the memory that reading takes does not grow with the file.

By hand with 2 GB: TUNESMITH_MEMORY_TEST_MB=2000 pytest -s -k a.json --timeout 900 THIS_FILE
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tunesmith.data.records import write_records

N_BYTES = int(os.environ.get("TUNESMITH_MEMORY_TEST_MB", "300")) * 1_000_000
LARGEST_GROWTH_MB = 60

READ = """
import sys
from pathlib import Path
from tunesmith.data.records import read_records

def peak_mb():
    # Not getrusage: its peak is carried over from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000

file = Path(sys.argv[1])
small = file.with_name(f"small-{file.name}")
list(read_records(small))  # what is loaded on first use is loaded
before = peak_mb()
n = 0
for item in read_records(file):
    assert isinstance(item, tuple), item
    n += 1
print(n, peak_mb() - before)
"""


def records(n_bytes: int) -> Iterator[dict[str, Any]]:
    turns = " ".join(f'#Person{n % 2 + 1}#: It leaks, said {n} "of" us.\n' for n in range(25))
    n_written = number = 0
    while n_written < n_bytes:
        record = {"fname": f"train_{number}", "dialogue": f"{number} {turns}", "summary": "é"}
        n_written += len(json.dumps(record))
        number += 1
        yield record


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.jsonl.gz", "a.parquet"])
def test_a_large_file_is_read_in_little_memory(tmp_path, name):
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of memory is told by /proc alone")
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="the extra 'files' is not installed")
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:  # pytest would keep such files
        file = Path(folder, name)
        write_records(Path(folder, f"small-{name}"), records(1000))
        n_records = write_records(file, records(N_BYTES))
        done = subprocess.run(
            [sys.executable, "-c", READ, str(file)], capture_output=True, text=True
        )
    n_read, growth_mb = done.stdout.split() or [done.stderr, "0"]
    assert int(n_read) == n_records
    assert float(growth_mb) < LARGEST_GROWTH_MB
    print(f"{name}: {growth_mb} MB")
