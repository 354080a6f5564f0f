"""Lines come whole, however they are cut, and end with a line feed alone."""

from values.lines import Lines

TEXT = '{"a":"x\u0085y\u2028"}\n\n{"b":1}\nrest'.encode()


def test_a_line_is_the_same_however_it_is_cut() -> None:
    for size in range(1, len(TEXT) + 1):
        lines = Lines()
        chunks = [TEXT[start : start + size] for start in range(0, len(TEXT), size)]
        assert [line for chunk in chunks for line in lines.of(chunk)] == TEXT.split(b"\n")[:-1]
        assert lines.rest() == b"rest"
