"""Tests of collecting submissions from archives and folders."""

import gzip
import io
import os
import stat
import tarfile
import time
import zipfile

import pytest

from autograder.errors import CollectError, CourseError
from autograder.steps.collect import collect
from autograder.submission import archives

NOTEBOOK = b'{"cells": []}'


def zipped(path, files):
    """Write a zip archive: names to bytes, or to archives inside, given as dicts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if isinstance(content, dict):
                inner = io.BytesIO()
                zipped(inner, content)
                content = inner.getvalue()
            archive.writestr(name, content)
    return path


def tarred(path, files, mode="w:gz"):
    """Write a tar archive; a value may be a ready `TarInfo`."""
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def there(course):
    """List every file in ``submitted/``."""
    files = (p for p in course.submitted.rglob("*") if p.is_file())
    return sorted(str(p.relative_to(course.submitted)) for p in files)


LAYOUTS = {
    "as submitted": {"ada/ps1/squares.ipynb": NOTEBOOK, "ada/ps1/sub/d.csv": b"1"},
    "by student": {"ada/squares.ipynb": NOTEBOOK, "ada/sub/d.csv": b"1"},
    "archive of a student": {
        "ada.zip": {
            "squares.ipynb": NOTEBOOK,
            "sub/d.csv": b"1",
            "timestamp.txt": b"1990-01-01",
        }
    },
    "archive with a folder": {
        "ada.zip": {"ps1/squares.ipynb": NOTEBOOK, "ps1/sub/d.csv": b"1"}
    },
    "in a common folder": {
        "export/2025/ada/squares.ipynb": NOTEBOOK,
        "export/2025/ada/sub/d.csv": b"1",
    },
    "with leftovers": {
        "ada/ps1/squares.ipynb": NOTEBOOK,
        "ada/ps1/sub/d.csv": b"1",
        "__MACOSX/ada/._x": b"",
        "ada/ps1/.ipynb_checkpoints/squares-checkpoint.ipynb": NOTEBOOK,
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_collect_reads_every_documented_layout(tiny_course, tmp_path, layout):
    """Each layout puts the same files in the same place, and none is left over."""
    collected = collect(tiny_course, zipped(tmp_path / "all.zip", LAYOUTS[layout]))
    assert collected.written == [("ada", "ps1")]
    assert collected.notes == []
    assert there(tiny_course) == ["ada/ps1/squares.ipynb", "ada/ps1/sub/d.csv"]
    assert (tiny_course.submitted / "ada/ps1/squares.ipynb").read_bytes() == NOTEBOOK


@pytest.mark.parametrize("separator", ["_", "__", "-", "--", "."])
def test_collect_reads_flat_names(tiny_course, tmp_path, separator):
    """STUDENT, a separator and the notebook's name; ids may hold separators too."""
    files = {
        f"{student}{separator}squares.ipynb": NOTEBOOK for student in ("ada", "e-v_e.x")
    }
    collected = collect(tiny_course, zipped(tmp_path / "flat.zip", files))
    assert [student for student, _ in collected.written] == ["ada", "e-v_e.x"]
    assert len(there(tiny_course)) == 2


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_collect_reads_tar_archives(tiny_course, tmp_path, mode):
    """Tar archives are read, whatever they are compressed with."""
    files = {"ada/squares.ipynb": NOTEBOOK}
    collect(tiny_course, tarred(tmp_path / "all.tar", files, mode))
    assert there(tiny_course) == ["ada/ps1/squares.ipynb"]


def test_collect_reads_a_folder(tiny_course, tmp_path):
    """A folder is read like an archive, and stays as it is."""
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / "squares.ipynb").write_bytes(NOTEBOOK)
    zipped(tmp_path / "in" / "eve.zip", {"squares.ipynb": NOTEBOOK})
    collected = collect(tiny_course, tmp_path / "in")
    assert collected.written == [("ada", "ps1"), ("eve", "ps1")]
    assert (tmp_path / "in" / "ada" / "squares.ipynb").exists()


def test_collect_reports_what_it_cannot_place(tiny_course, tmp_path):
    """A notebook of an unknown name is named, whether it came along or not."""
    files = {
        "ada/squares.ipynb": NOTEBOOK,
        "ada/scratch.ipynb": NOTEBOOK,
        "eve/homework.ipynb": NOTEBOOK,
    }
    collected = collect(tiny_course, zipped(tmp_path / "all.zip", files))
    assert collected.written == [("ada", "ps1")]
    assert len(collected.notes) == 2
    assert any("scratch.ipynb was put into ps1" in note for note in collected.notes)
    assert any("eve/homework.ipynb was not collected" in n for n in collected.notes)


def test_collect_named_assignment_takes_unknown_notebooks(tiny_course, tmp_path):
    """If the instructor says which assignment it is, an odd name still gets there."""
    archive = zipped(tmp_path / "all.zip", {"eve/homework.ipynb": NOTEBOOK})
    collected = collect(tiny_course, archive, "ps1")
    assert there(tiny_course) == ["eve/ps1/homework.ipynb"]
    assert "no notebook of that name" in collected.notes[0]


@pytest.mark.parametrize("copy", ["squares (1)", "squares-Copy1", "squares copy (2)"])
@pytest.mark.parametrize(
    "layout",
    ["ada/{}.ipynb", "ada/ps1/{}.ipynb", "ada_{}.ipynb", "in/ada_{}.ipynb", "zip"],
)
def test_collect_takes_a_copy_along_under_its_name(tiny_course, tmp_path, layout, copy):
    """What browsers and Jupyter call a copy is placed, kept as named, and noted."""
    files = {layout.format(copy): NOTEBOOK}
    if layout == "zip":
        files = {"ada.zip": {f"{copy}.ipynb": NOTEBOOK}}
    collected = collect(tiny_course, zipped(tmp_path / "all.zip", files))
    assert there(tiny_course) == [f"ada/ps1/{copy}.ipynb"]
    (note,) = collected.notes
    assert note.startswith(f"ada: {copy}.ipynb was put into ps1, which has no notebook")
    assert "`autograder grade` looks for it there" in note


def test_collect_named_assignment_does_not_take_folders_for_students(
    tiny_course, tmp_path
):
    """A layout that places every file is better than one that leaves some out."""
    for number, name in enumerate(
        ["in/eve/homework.ipynb", "in/eve_squares (1).ipynb"]
    ):
        archive = zipped(tmp_path / f"{number}.zip", {name: NOTEBOOK})
        assert collect(tiny_course, archive, "ps1", force=True).written == [
            ("eve", "ps1")
        ]


def test_collect_a_notebook_that_is_called_a_copy_is_itself(tiny_course, tmp_path):
    """An assignment's own name that looks like a copy's goes to that assignment."""
    folder = tiny_course.source / "ps2"
    folder.mkdir()
    (folder / "squares copy.ipynb").write_bytes(NOTEBOOK)
    files = {f"{s}squares copy.ipynb": NOTEBOOK for s in ("ada/", "eve_")}
    for name, content in files.items():
        archive = zipped(tmp_path / "all.zip", {name: content})
        assert collect(tiny_course, archive).notes == []
    assert there(tiny_course) == [f"{s}/ps2/squares copy.ipynb" for s in ("ada", "eve")]


def test_collect_unknown_assignment_is_an_error(tiny_course, tmp_path):
    """An assignment that the course does not have is said."""
    archive = zipped(tmp_path / "all.zip", {"eve/squares.ipynb": NOTEBOOK})
    with pytest.raises(CourseError, match="ps9"):
        collect(tiny_course, archive, "ps9")


def test_collect_keeps_what_is_not_older(tiny_course, tmp_path):
    """A second collection changes nothing; a newer or a forced one replaces all."""
    archive = zipped(
        tmp_path / "all.zip", {"ada/squares.ipynb": NOTEBOOK, "ada/x.txt": b""}
    )
    collect(tiny_course, archive)
    place = tiny_course.submitted / "ada" / "ps1"
    (place / "mark").touch()
    os.utime(place / "mark", (time.time() + 60, time.time() + 60))
    assert collect(tiny_course, archive).kept == [("ada", "ps1")]
    assert (place / "mark").exists()
    assert collect(tiny_course, archive, force=True).written == [("ada", "ps1")]
    assert not (place / "mark").exists()


def test_collect_timestamps_decide_who_is_newer(tiny_course, tmp_path):
    """Where both have a timestamp, it decides, whatever the files' times are."""

    def handed_in(year):
        files = {
            "ada/ps1/squares.ipynb": NOTEBOOK,
            "ada/ps1/timestamp.txt": f"{year}-01-01 00:00:00 UTC".encode(),
        }
        return collect(tiny_course, zipped(tmp_path / "all.zip", files))

    assert handed_in(2024).written
    assert handed_in(2023).kept
    assert handed_in(2025).written


def linked():
    """Make a tar member that is a symbolic link."""
    info = tarfile.TarInfo("ada/squares.ipynb")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


def device():
    """Make a tar member that is a device."""
    info = tarfile.TarInfo("ada/null")
    info.type = tarfile.CHRTYPE
    return info


def hard_linked():
    """Make a tar member that is another name of a file of the grader's."""
    info = tarfile.TarInfo("ada/hard")
    info.type, info.linkname = tarfile.LNKTYPE, "/etc/passwd"
    return info


def pipe():
    """Make a tar member that is a pipe."""
    info = tarfile.TarInfo("ada/pipe")
    info.type = tarfile.FIFOTYPE
    return info


def timeless():
    """Make a tar member from a time that no file can have."""
    info = tarfile.TarInfo("ada/late.txt")
    info.mtime = 10**30
    return info


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"../../evil.ipynb": b""}, "leads out"),
        ({"ada/../../evil": b""}, "leads out"),
        ({"/etc/evil": b""}, "leads out"),
        ({"C:\\evil": b""}, "leads out"),
        ({"ada\\..\\..\\evil": b""}, "leads out"),
        ({"l": linked()}, "link or device"),
        ({"d": device()}, "link or device"),
        ({"a+b/squares.ipynb": NOTEBOOK}, "cannot be a student's id"),
        ({"*/squares.ipynb": NOTEBOOK}, "cannot be a student's id"),
        ({".staging/squares.ipynb": NOTEBOOK}, "cannot be a student's id"),
        ({" ada/squares.ipynb": NOTEBOOK}, "cannot be a student's id"),
        ({"ada/x": b"", "ada/X": b""}, "twice"),
        ({"ada/\u00e9": b"", "ada/e\u0301": b""}, "twice"),
        ({"ada/x": b"", "ada/x/y": b""}, "as a file and as a folder"),
        ({"EVE/ps1/squares.ipynb": NOTEBOOK}, "would be one"),
        ({"l": hard_linked()}, "link or device"),
        ({"p": pipe()}, "link or device"),
        ({"t": timeless()}, "cannot be unpacked"),
        ({"a/squares.ipynb": NOTEBOOK, f"a/{'d/' * 3000}x": b""}, "cannot be written"),
    ],
)
@pytest.mark.attack("unsafe archive: {}")
def test_collect_unsafe_archives_write_nothing(tiny_course, tmp_path, files, says):
    """One unsafe member refuses the whole archive, and the course stays as it was."""
    good = {"eve/squares.ipynb": NOTEBOOK}
    archive = tarred(tmp_path / "all.tar.gz", {**good, **files})
    with pytest.raises(CollectError, match=says):
        collect(tiny_course, archive)
    assert list(tiny_course.submitted.iterdir()) == []


@pytest.mark.attack("unsafe archive: links and inner archives in zip")
def test_collect_unsafe_zip_members_write_nothing(tiny_course, tmp_path):
    """A zip can hold links too, and names that lead out, also in an inner archive."""
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("ada/squares.ipynb")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(CollectError, match="link or device"):
        collect(tiny_course, path)
    inner = zipped(tmp_path / "in.zip", {"ada.zip": {"../squares.ipynb": NOTEBOOK}})
    with pytest.raises(CollectError, match="leads out"):
        collect(tiny_course, inner)
    assert list(tiny_course.submitted.iterdir()) == []


@pytest.mark.attack("unsafe archive: links in a folder")
def test_collect_links_in_folders_are_refused(tiny_course, tmp_path):
    """A link in a folder is not followed, to a file or to a folder."""
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / "squares.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(CollectError, match="link"):
        collect(tiny_course, tmp_path / "in")


@pytest.mark.attack("unsafe archive: bombs")
def test_collect_bombs_write_nothing(tiny_course, tmp_path, monkeypatch):
    """Too large a file, too many bytes or files, or too good a compression."""
    zeros = {"ada/squares.ipynb": b"0" * 3_000_000}
    archive = zipped(tmp_path / "all.zip", zeros)
    for name, value, says in [
        ("LARGEST_FILE", 1_000_000, "more than"),
        ("RATIO_COUNTS_FROM", 1_000_000, "fill a disk"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(archives, name, value)
            with pytest.raises(CollectError, match=says):
                collect(tiny_course, archive)
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    many = zipped(tmp_path / "many.zip", {f"ada/{n}": b"" for n in range(3)})
    with pytest.raises(CollectError, match="files"):
        collect(tiny_course, many)
    assert list(tiny_course.submitted.iterdir()) == []


@pytest.mark.attack("unsafe archive: a header made to fill the memory")
def test_collect_huge_header_is_not_read(tiny_course, tmp_path):
    """`tarfile` reads an extended header whole: one of 32 MB is refused unread."""
    path = tmp_path / "header.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        info = tarfile.TarInfo("pax")
        info.type, info.size = tarfile.XHDTYPE, 32 * 1024**2
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + bytes(info.size))
    with pytest.raises(CollectError, match="a header of"):
        collect(tiny_course, path)


@pytest.mark.attack("unsafe archive: a gap made to keep the grader busy")
def test_collect_huge_gap_is_not_passed_over(tiny_course, tmp_path, monkeypatch):
    """A member that nobody wants, of a size that nobody has, is refused unread."""
    monkeypatch.setattr(archives, "_HEADERS", 0)
    path = tmp_path / "gap.tar.gz"
    with gzip.open(path, "wb") as file:
        info = tarfile.TarInfo("__MACOSX/junk")
        info.size = 10**15
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    with pytest.raises(CollectError, match="grows too large"):
        collect(tiny_course, path)


@pytest.mark.attack("unsafe archive: members without number")
def test_collect_counts_members_that_are_no_files(tiny_course, tmp_path, monkeypatch):
    """Folders count too, in a tar and in a zip."""
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    folders = {}
    for number in range(7):
        folders[f"{number}/"] = info = tarfile.TarInfo(f"{number}")
        info.type = tarfile.DIRTYPE
    packed = [
        tarred(tmp_path / "all.tar", folders, "w"),
        zipped(tmp_path / "all.zip", dict.fromkeys(folders, b"")),
    ]
    for archive in packed:
        with pytest.raises(CollectError, match="more than 4 members"):
            collect(tiny_course, archive)


def test_collect_names_in_no_encoding_are_readable(tiny_course, tmp_path):
    """A file's name that is not UTF-8 gets question marks, and its class is taken."""
    archive = tarred(
        tmp_path / "all.tar",
        {"ada/squares.ipynb": NOTEBOOK, "ada/\udce9.txt": b""},
        "w",
    )
    collect(tiny_course, archive)
    assert there(tiny_course) == ["ada/ps1/?.txt", "ada/ps1/squares.ipynb"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 torn", b"plain text"])
def test_collect_broken_archives_are_an_error(tiny_course, tmp_path, data):
    """A file that is no archive, or a torn one, is said to be so."""
    (tmp_path / "all.zip").write_bytes(data)
    with pytest.raises(CollectError):
        collect(tiny_course, tmp_path / "all.zip")


def test_collect_torn_archive_of_one_student_names_it(tiny_course, tmp_path):
    """The message says whose archive is broken."""
    archive = zipped(tmp_path / "all.zip", {"ada.zip": b"PK torn"})
    with pytest.raises(CollectError, match=r"ada\.zip"):
        collect(tiny_course, archive)


def test_collect_missing_source_is_an_error(tiny_course, tmp_path):
    """A path that is not there is said."""
    with pytest.raises(CollectError, match="no file or folder"):
        collect(tiny_course, tmp_path / "nothing.zip")
