import pytest

from textengine import env_file


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a file of these bytes, and return what it has put into the environment."""
    environment = {}
    monkeypatch.setattr("environ.Env.ENVIRON", environment)

    def read(content: bytes) -> dict[str, str]:
        (tmp_path / ".env").write_bytes(content)
        env_file.read(tmp_path / ".env")
        return environment

    return read


def test_settings_are_lines_between_remarks(read):
    assert read(b"# A remark\nFIRST=one\r\n\n  \n  SECOND=a=b \nexport THIRD='x y'\n") == {
        "FIRST": "one",
        "SECOND": "a=b",
        "THIRD": "x y",
    }


def test_a_byte_order_mark_hides_nothing(read):
    assert read("FIRST=ü\n".encode("utf-8-sig")) == {"FIRST": "ü"}


@pytest.mark.parametrize("line", [b"TWILIO_AUTH_TOKEN secret", b"FIRST = secret", b"secret", b"=secret"])
def test_a_line_that_is_no_setting_is_named_and_not_repeated(read, line):
    with pytest.raises(ValueError, match=r"^line 2 is not NAME=value$"):
        read(b"FIRST=one\n" + line)


def test_a_missing_file_says_nothing(tmp_path):
    env_file.read(tmp_path / ".env")
