from __future__ import annotations

import importlib
import subprocess
import sys

import tunesmith


def test_every_public_name_is_a_function_or_a_class_whatever_was_imported_before():
    for module in ("evaluation.rouge", "training.plan", "pipelines.train"):
        importlib.import_module(f"tunesmith.{module}")
    for name in tunesmith.__all__:
        assert callable(getattr(tunesmith, name)), name


def test_data_work_and_help_import_no_torch():
    script = (
        "import sys, tunesmith, tunesmith.recipe, tunesmith.data.read\n"
        "import tunesmith.pipelines.preview\n"
        "import tunesmith.cli.main, tunesmith.cli.train, tunesmith.cli.demo, tunesmith.cli.chat\n"
        "import tunesmith.pipelines.dry_run\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'peft')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
