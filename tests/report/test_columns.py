from ifbench.report.columns import fitting, plain, stacked


def test_columns_of_the_highest_rank_go_first():
    columns = [plain("a", ["1234"]), plain("b", ["1234"], rank=2), plain("c", ["1234"], rank=1)]
    assert fitting(columns, 14) == [0, 1, 2]
    assert fitting(columns, 13) == [0, 2]
    assert fitting(columns, 8) == [0]
    assert fitting(columns, 1) == [0]


def test_stacked_columns_are_as_wide_as_the_widest_table():
    (column,) = stacked([[plain("a", ["1"])], [plain("a", ["12345"])]])
    assert column.width == 5
