from ifbench.report.tables import FOLDED, Column, Text, fitting


def test_columns_of_the_highest_rank_go_first():
    def kept(room):
        return fitting([4, 4, 4], [0, 2, 1], room)

    assert kept(14) == [0, 1, 2]
    assert kept(13) == kept(9) == [0, 2]
    assert kept(8) == kept(1) == [0]


def test_a_column_is_as_wide_as_its_widest_line_and_no_wider_where_it_folds():
    assert Column("four\nletters", ["12345"]).width == 7
    assert Column("a", ["1" * 30]).width == 30
    assert Column("a", ["1" * 30], folds=True).width == FOLDED


def test_a_text_is_a_string_with_a_tone():
    assert Text("0.97", "good") == "0.97"
    assert Text("0.97", "good").tone == "good"
