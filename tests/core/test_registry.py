"""Loading plugins: each on its own, refused as a whole where it is broken, found by name."""

import importlib.metadata
import subprocess
import sys
import textwrap

import pytest

from ifbench import Params, param
from ifbench.core.errors import IfbenchError
from ifbench.core.registry import Registry, load_registry
from ifbench.core.specs import EstimatorSpec

GOOD = """
    from ifbench import EstimatorSpec, hookimpl

    class Constant:
        def __init__(self, params):
            pass

    @hookimpl
    def ifbench_estimators():
        yield EstimatorSpec(name="constant", factory=Constant, summary="always one", source="none")
"""


@pytest.fixture
def write(tmp_path):
    """Write a plugin file; its path."""

    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def refusal(*files):
    """The one refused plugin; everything else must have loaded."""
    registry = load_registry(files)
    (refused,) = registry.refusals
    in_tree = load_registry()
    assert all(in_tree.entries[kind].keys() <= registry.entries[kind].keys() for kind in in_tree.entries)
    return refused


IN_TREE = {
    "estimator": {"hif", "lissa", "random", "tracin"},
    "architecture": {"mlp"},
    "data": {"iris"},
    "protocol": {"retrain-from-optimum"},
    "metric": {"pearson", "spearman"},
}


def test_in_tree_plugins_load():
    registry = load_registry()
    assert registry.refusals == []
    for kind, names in IN_TREE.items():
        assert names <= registry.entries[kind].keys()
        assert list(registry.entries[kind]) == sorted(registry.entries[kind])


def test_in_tree_factories_exist_and_say_where_they_come_from():
    for kind, known in load_registry().entries.items():
        for name, entry in known.items():
            assert entry.spec.kind == kind
            assert callable(entry.spec.load()), name
            assert entry.spec.summary
            assert entry.spec.source
            assert entry.origin.startswith("ifbench_plugins.")


def test_loading_imports_neither_torch_nor_scipy():
    code = "import sys; from ifbench.core.registry import load_registry; r = load_registry(); assert not r.refusals; "
    code += "print([m for m in ('torch', 'scipy', 'sklearn', 'pandas', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_file_adds_its_estimator(write):
    path = write(GOOD)
    registry = load_registry([path])
    assert registry.refusals == []
    assert registry.estimator("constant").load().__name__ == "Constant"
    assert registry.find("estimator", "constant").origin == str(path)


BROKEN = {
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "does not parse": ("def broken(:", "SyntaxError"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "imports nothing that exists": ("import no_such_module", "No module named 'no_such_module'"),
    "is empty": ("", "no hook found"),
    "no marker": ("def ifbench_estimators(): return []", "no hook found"),
    "foreign marker": (
        "import pluggy\n@pluggy.HookimplMarker('pytest')\ndef ifbench_estimators(): return []",
        "no hook found",
    ),
    "misspelt hook": ("import ifbench\n@ifbench.hookimpl\ndef ifbench_estimator(): return []", "ifbench_estimator"),
    "returns nothing": ("import ifbench\n@ifbench.hookimpl\ndef ifbench_estimators(): return []", "returned no spec"),
    "returns None": ("import ifbench\n@ifbench.hookimpl\ndef ifbench_estimators(): pass", "returned no spec"),
    "returns no specs": (
        "import ifbench\n@ifbench.hookimpl\ndef ifbench_estimators(): return ['hif']",
        "yields str, wanted EstimatorSpec",
    ),
    "wrong kind of spec": (
        GOOD.replace("import EstimatorSpec", "import MetricSpec").replace("yield EstimatorSpec", "yield MetricSpec"),
        "yields MetricSpec, wanted EstimatorSpec",
    ),
    "hook raises": (
        "import ifbench\n@ifbench.hookimpl\ndef ifbench_estimators():\n    return 1 / 0",
        "ZeroDivisionError",
    ),
    "hook raises midway": (GOOD + "        raise KeyError('later')", "KeyError: 'later'"),
    "unknown argument": (
        "import ifbench\n@ifbench.hookimpl\ndef ifbench_estimators(registry): return []",
        "registry",
    ),
    "bad name": (GOOD.replace('"constant"', '"Constant One"'), "use lower case letters"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_plugin_is_refused_with_its_reason_and_costs_no_other(write, case):
    text, reason = BROKEN[case]
    path = write(text)
    refused = refusal(path)
    assert refused.stem == "mine"
    assert refused.origin == str(path)
    assert reason in refused.reason


def test_reason_holds_file_and_line_of_the_plugin(write):
    path = write("\n\nraise ValueError('no luck')\n")
    assert refusal(path).reason == f"ValueError: no luck ({path}:3)"


def test_broken_plugins_do_not_hide_good_ones(write):
    files = [write("1 / 0", "a.py"), write(GOOD, "b.py"), write("", "c.py")]
    registry = load_registry(files)
    assert "constant" in registry.entries["estimator"]
    assert [refused.stem for refused in registry.refusals] == ["a", "c"]


def test_duplicate_name_is_refused_and_both_origins_named(write):
    path = write(GOOD.replace('"constant"', '"hif"'))
    refused = refusal(path)
    assert "estimator 'hif'" in refused.reason
    assert "ifbench_plugins.estimators.hif" in refused.reason
    assert str(path) in refused.reason


def test_two_files_with_the_same_name_collide_by_origin(write):
    first, second = write(GOOD, "one.py"), write(GOOD, "two.py")
    refused = refusal(first, second)
    assert str(first) in refused.reason
    assert str(second) in refused.reason


def test_a_name_twice_in_one_plugin_is_refused(write):
    line = GOOD.strip().splitlines()[-1].strip()
    assert "registered by" in refusal(write(GOOD + f"        {line}\n")).reason


def test_a_name_twice_with_another_summary_is_refused_too(write):
    line = GOOD.strip().splitlines()[-1].strip().replace("always one", "always two")
    assert "registered by" in refusal(write(GOOD + f"        {line}\n")).reason


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(IfbenchError, match="no plugin file"):
        load_registry([tmp_path / "nowhere.py"])


def test_a_file_that_is_not_python_is_refused(write):
    assert refusal(write("estimators: []", "mine.yaml")).reason.startswith("ImportError")


@pytest.mark.parametrize("name", ["name", "label", "grid", "exclude", "timeout"])
def test_parameter_names_with_a_meaning_in_suites_are_refused(name):
    params = type("Clash", (Params,), {"__annotations__": {name: int}, name: param(1, about="clash")})
    with pytest.raises(ValueError, match=f"parameter names \\['{name}'\\]"):
        EstimatorSpec(name="clash", factory="a:b", params=params, summary="", source="")


@pytest.mark.parametrize("name", ["", "Hif", "h_f", "-hif", "hif-", "h--f", "h f", "hif\n"])
def test_names_are_lower_case_with_single_hyphens(name):
    with pytest.raises(ValueError, match="use lower case letters"):
        EstimatorSpec(name=name, factory="a:b", summary="", source="")


def test_unknown_name_gets_the_nearest():
    with pytest.raises(IfbenchError, match="unknown estimator 'lisa'") as caught:
        load_registry().estimator("lisa")
    assert "did you mean 'lissa'" in (caught.value.hint or "")


def test_unknown_name_mentions_plugins_that_failed(write):
    with pytest.raises(IfbenchError, match="unknown") as caught:
        load_registry([write("1 / 0")]).estimator("zebra")
    assert "failed to load: " in (caught.value.hint or "")


def test_name_of_a_failed_plugin_gives_its_reason(write):
    registry = load_registry([write("1 / 0", "my_method.py")])
    with pytest.raises(IfbenchError, match="ZeroDivisionError"):
        registry.estimator("my-method")
    assert "did not load" in (registry.unavailable("my-method") or "")
    assert registry.unavailable("hif") is None


def test_empty_registry_says_so():
    with pytest.raises(IfbenchError, match="nothing of this kind is registered"):
        Registry().estimator("hif")


class Point:
    """An entry point as importlib.metadata gives it."""

    def __init__(self, name, load):
        self.name, self.value, self.load = name, f"{name}_package:plugin", load


@pytest.fixture
def entry_points(monkeypatch):
    def install(*points):
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: points if group == "ifbench" else ())

    return install


def test_entry_points_load_sorted_and_apart(entry_points, write):
    namespace = {"__name__": "somewhere"}
    exec(textwrap.dedent(GOOD), namespace)

    def broken():
        raise RuntimeError("not today")

    plugin = type("Plugin", (), {"ifbench_estimators": staticmethod(namespace["ifbench_estimators"])})
    entry_points(Point("zeta", lambda: plugin), Point("alpha", broken))
    registry = load_registry()
    assert registry.find("estimator", "constant").origin == "zeta (zeta_package:plugin)"
    assert [(refused.stem, "not today" in refused.reason) for refused in registry.refusals] == [("alpha", True)]
    assert "hif" in registry.entries["estimator"]


def test_source_digest_follows_the_code_of_the_file(write):
    def digest(text):
        return load_registry([write(text)]).find("estimator", "constant").source_digest

    first = digest(GOOD)
    assert digest(GOOD) == first
    assert digest(GOOD + "\n    # another line\n") == first
    assert digest(GOOD + "\n    LINE = 2\n") != first


def test_source_digests_of_in_tree_plugins_differ():
    entries = load_registry().entries["estimator"]
    files = {entry.origin: entry.source_digest for entry in entries.values()}
    assert len(set(files.values())) == len(files)


def test_source_digest_imports_no_torch():
    code = "import sys; from ifbench.core.registry import load_registry; "
    code += "load_registry().find('estimator', 'hif').source_digest; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_stored_parameters_become_the_plugins_model():
    params = load_registry().params("estimator", "hif", {"solver": "cr", "damping": 0.5})
    assert params.plain()["solver"] == "cr"
    assert params.plain()["damping"] == 0.5
