"""Tables: what is wrong is told with file and line."""

import pytest

from ifbench.core.data.tables import class_names, classes_of, read_table
from ifbench.core.errors import IfbenchError


def read(tmp_path, text, **options):
    path = tmp_path / "some.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path, where="data 'csv'", **options)


def test_a_quoted_field_may_hold_the_delimiter_and_a_line_break(tmp_path):
    table = read(tmp_path, 'text,label\n"a, b\nc",1\nd,0\n')
    assert table.columns == {"text": ["a, b\nc", "d"], "label": ["1", "0"]}
    assert table.lines == [3, 4]
    assert read(tmp_path, 'text\tlabel\n"a\t1\n', delimiter="\t", quoted=False).columns["text"] == ['"a']


def test_numbers_order_whole_numbers_and_names_order_others():
    assert class_names(["10", "9", "-1", "9"]) == ("-1", "9", "10")
    assert class_names(["b", "10", "9"]) == ("10", "9", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rows"),
        ("a,b\n", "holds no rows"),
        ("a,b\n1,2\n1\n", r"some.csv:3: 1 fields, but the header has 2"),
        (b"a,b\n\xff,2\n", "cannot be read as a table in UTF-8"),
    ],
)
def test_what_is_no_table_is_told(tmp_path, text, message):
    with pytest.raises(IfbenchError, match=message):
        read(tmp_path, text)


def test_wrong_fields_are_told_with_their_line(tmp_path):
    table = read(tmp_path, "length,label\n1,0\nnan,2\n")
    with pytest.raises(IfbenchError, match=r"some.csv:3: column 'length' holds 'nan', wanted a finite number"):
        table.numbers("length", where="")
    with pytest.raises(IfbenchError, match=r"some.csv:3: label '2' in column 'label', wanted one of 0, 1"):
        classes_of(table, "label", ("0", "1"), where="")
    with pytest.raises(IfbenchError, match="no column 'lable'") as caught:
        table.column("lable", where="")
    assert caught.value.hint == "did you mean 'label'?"
