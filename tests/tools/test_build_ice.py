"""The program behind ``make omero``, up to the compiler; a wheel it built is what OMERO's other tests run on."""

from __future__ import annotations

import stat
import sys
import zipfile
from pathlib import Path

import pytest

from tools.ice import compilation, prerequisites, source, wheel
from tools.ice.__main__ import main
from tools.ice.errors import BuildError, ImpossibleHereError


def test_the_two_lines_are_replaced_and_nothing_else():
    old = "".join(f"before\n{line}\nafter\n" for line, _ in source.REPLACEMENTS)
    new = "".join(f"before\n{line}\nafter\n" for _, line in source.REPLACEMENTS)

    assert source.replaced(old) == new


def test_a_source_without_the_lines_is_refused():
    with pytest.raises(BuildError, match=r"^lib/Ice\.py should have this line once, and has it 0 times: import sys"):
        source.replaced("import sys\n")


def test_a_damaged_archive_is_refused_with_both_digests(tmp_path: Path):
    (tmp_path / source.ARCHIVE).write_bytes(b"not the archive")

    with pytest.raises(BuildError) as refusal:
        source.fetch(tmp_path)

    assert source.SHA256 in str(refusal.value)
    assert "Delete the file and try again." in str(refusal.value)


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a PATH folder without a compiler, for a person who is not root."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return tmp_path


def program(place: Path, code: str) -> None:
    """Put a program of a few lines in place."""
    place.write_text(f"#!{sys.executable}\nimport os, sys\n{code}\n")
    place.chmod(place.stat().st_mode | stat.S_IXUSR)


def test_without_a_compiler_the_packages_and_the_ready_wheels_are_named(bare_machine: Path):
    with pytest.raises(ImpossibleHereError) as refusal:
        prerequisites.ensure()

    message = str(refusal.value)
    assert "no C++ compiler (g++ or clang++) on the PATH" in message
    assert "sudo apt-get install g++ libssl-dev libbz2-dev" in message
    assert "conda-forge" in message


def test_a_missing_header_is_told_in_the_compilers_words(bare_machine: Path):
    program(bare_machine / "g++", "sys.exit('probe.cpp:2:10: fatal error: openssl/ssl.h: No such file')")

    with pytest.raises(ImpossibleHereError, match=r"fatal error: openssl/ssl\.h: No such file"):
        prerequisites.ensure()


def test_root_gets_the_packages_installed(bare_machine: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    asked = bare_machine / "asked"
    program(bare_machine / "g++", "pass")
    (bare_machine / "g++").rename(bare_machine / "not-yet")
    installed = f"os.rename({str(bare_machine / 'not-yet')!r}, {str(bare_machine / 'g++')!r})"
    program(
        bare_machine / "apt-get",
        f"open({str(asked)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\nif 'install' in sys.argv: {installed}",
    )

    prerequisites.ensure()

    assert asked.read_text().splitlines()[1].endswith("g++ libssl-dev libbz2-dev")


def test_an_untried_python_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))

    with pytest.raises(ImpossibleHereError, match=r"can be built here for Python 3\.11 to 3\.13"):
        prerequisites.refuse_other_platforms()


def test_a_wheel_in_the_cache_is_handed_out_without_a_compiler(bare_machine: Path, capsys: pytest.CaptureFixture[str]):
    place = wheel.cached_wheel()
    place.parent.mkdir(parents=True)
    place.touch()

    assert main(["--possible"]) == 0
    assert main([]) == 0
    assert capsys.readouterr().out == f"{place}\n"


def test_impossible_is_told_by_the_exit_status(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert main(["--possible"]) == 3
    assert "sudo apt-get install" in capsys.readouterr().err


def test_files_whose_private_names_clash_are_compiled_alone(tmp_path: Path):
    folder = tmp_path / "ice" / "cpp" / "src" / "IceUtil"
    folder.mkdir(parents=True)
    for name, text in {"A": "int a;\n", "B": "namespace\n{\nclass Init\n{\n};\n}\n", "C": "int c;\n"}.items():
        (folder / f"{name}.cpp").write_text(text)

    units = {unit.name: [path.stem for path in unit.files] for unit in compilation.library_units(tmp_path)}

    assert units == {"IceUtil-B": ["B"], "IceUtil-0": ["A", "C"]}


def test_a_packed_wheel_carries_modules_slice_files_module_and_record(tmp_path: Path):
    for name in ("lib/Ice.py", "lib/slice/Ice/Object.ice", "lib/notes.txt", "PKG-INFO", *wheel.LICENCES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    module = tmp_path / "IcePy.so"
    module.write_bytes(b"\x7fELF")

    wheel.pack(tmp_path, module, tmp_path / "made.whl")

    with zipfile.ZipFile(tmp_path / "made.whl") as packed:
        names = set(packed.namelist())
        record = packed.read(f"{wheel.DIST_INFO}/RECORD").decode().splitlines()
    assert {"Ice.py", "slice/Ice/Object.ice", "IcePy.so", f"{wheel.DIST_INFO}/METADATA"} <= names
    assert "notes.txt" not in names
    assert {line.split(",")[0] for line in record} == names


def test_a_failing_compiler_is_quoted(tmp_path: Path):
    with pytest.raises(BuildError, match=r"(?s)^Building x failed: .* said\n.*error: boom"):
        compilation.run([sys.executable, "-c", "raise SystemExit('x.cpp:1: error: boom')"], "x")
