"""A file of records holds whole ones, and what was written in part is not in the middle of it."""

from pathlib import Path

from simctl.store.records import Records


def test_a_record_never_stands_behind_a_part_of_another(tmp_path: Path):
    file = tmp_path / "records"
    records = Records(file, b"first ")
    records.append(b"second ")
    with file.open("ab") as other:  # as a full disk leaves it that cannot be cut either
        other.write(b"thi")
    records.append(b"fourth ")
    records.append(b"fifth ")
    records.close()
    assert file.read_bytes() == b"first second fourth fifth "
    assert records.size == len(file.read_bytes())
